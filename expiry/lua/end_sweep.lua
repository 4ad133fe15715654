-- endSweep: ends a sweep of each action.
--
-- KEYS     of each action: swept, sweeping
-- ARGV[1]  name of the caller
-- ARGV[2]  lifetime of swept in milliseconds
-- ARGV     from 3, of each action: when the sweep began, '' if it did not finish
--
-- Result: 1. A key that holds another type is left alone.
for i = 1, #KEYS, 2 do
  local began = ARGV[2 + (i + 1) / 2]
  if began ~= '' and type(redis.pcall('GET', KEYS[i])) ~= 'table' then
    redis.call('SET', KEYS[i], began, 'PX', ARGV[2])
  end
  if redis.pcall('GET', KEYS[i + 1]) == ARGV[1] then redis.call('DEL', KEYS[i + 1]) end
end
return 1
