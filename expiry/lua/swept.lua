-- Ends a turn of sweeping.
--
-- KEYS[1]  swept
-- KEYS[2]  sweeping
-- ARGV[1]  when the sweep began, '' where it was not finished
-- ARGV[2]  the caller's name
-- ARGV[3]  how long the note is kept, in milliseconds
--
-- Result: 1. A key that holds another type stays as it is.
if ARGV[1] ~= '' and type(redis.pcall('GET', KEYS[1])) ~= 'table' then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
end
if redis.pcall('GET', KEYS[2]) == ARGV[2] then redis.call('DEL', KEYS[2]) end
return 1
