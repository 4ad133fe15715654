-- endSweep: ends a sweep.
--
-- KEYS[1]  swept
-- KEYS[2]  sweeping
-- ARGV[1]  when the sweep began, '' if it did not finish
-- ARGV[2]  name of the caller
-- ARGV[3]  lifetime of swept in milliseconds
--
-- Result: 1. A key that holds another type is left alone.
if ARGV[1] ~= '' and type(redis.pcall('GET', KEYS[1])) ~= 'table' then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
end
if redis.pcall('GET', KEYS[2]) == ARGV[2] then redis.call('DEL', KEYS[2]) end
return 1
