-- ack: ends firings that succeeded, if the caller's claim is valid.
--
-- KEYS[1]  active
-- KEYS[2]  status
-- KEYS[3]  payloads
-- ARGV     pairs of member and attempt
--
-- Result: the positions, from 1, of the pairs whose claim was lost.
local err = wrongType(KEYS[1], 'ZCARD') or wrongType(KEYS[2], 'HLEN') or wrongType(KEYS[3], 'HLEN')
if err then return err end
local lost, done = {}, {}
for i = 1, #ARGV, 2 do
  if isClaimedBy(redis.call('HGET', KEYS[2], ARGV[i]), ARGV[i + 1]) then
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
