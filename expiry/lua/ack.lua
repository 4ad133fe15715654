-- Ends claimed work that succeeded, where it is still the caller's.
--
-- KEYS[1]  run
-- KEYS[2]  att
-- KEYS[3]  pay
-- ARGV     member, attempt, and so on
--
-- Result: the places, from 1, of the pairs that were not the caller's any more.
local lost = {}
local payloads = redis.call('EXISTS', KEYS[3]) == 1
for i = 1, #ARGV, 2 do
  local a, _, _, state = attempts(redis.call('HGET', KEYS[2], ARGV[i]))
  if int(a) == ARGV[i + 1] and state == '0' then
    redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('HDEL', KEYS[2], ARGV[i])
    if payloads then redis.call('HDEL', KEYS[3], ARGV[i]) end
  else
    lost[#lost + 1] = (i + 1) / 2
  end
end
return lost
