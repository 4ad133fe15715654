-- Ends claimed work that succeeded, where it is still the caller's.
--
-- KEYS[1]  run
-- KEYS[2]  att
-- KEYS[3]  pay
-- ARGV     member, attempt, and so on
--
-- Result: the places, from 1, of the pairs that were not the caller's any more.
local bad = wrong(KEYS[1], 'ZCARD') or wrong(KEYS[2], 'HLEN') or wrong(KEYS[3], 'HLEN')
if bad then return bad end
local lost, done = {}, {}
for i = 1, #ARGV, 2 do
  if claimed(redis.call('HGET', KEYS[2], ARGV[i]), ARGV[i + 1]) then
    done[#done + 1] = ARGV[i]
  else
    lost[#lost + 1] = (i + 1) / 2
  end
end
if #done > 0 then
  redis.call('ZREM', KEYS[1], unpack(done))
  redis.call('HDEL', KEYS[2], unpack(done))
  redis.call('HDEL', KEYS[3], unpack(done))
end
return lost
