-- renew: renews the leases of firings, if the caller's claim is valid. A lease
-- whose entry was removed is written again.
--
-- KEYS[1]  active
-- KEYS[2]  status
-- ARGV[1]  lease in milliseconds
-- ARGV     from 2: pairs of member and attempt
--
-- Result: the positions, from 1, of the pairs whose claim was lost.
local err = wrongType(KEYS[1], 'ZCARD') or wrongType(KEYS[2], 'HLEN')
if err then return err end
local now = math.floor(clock() / 1000)
local lost = {}
for i = 2, #ARGV, 2 do
  if isClaimedBy(redis.call('HGET', KEYS[2], ARGV[i]), ARGV[i + 1]) then
    redis.call('ZADD', KEYS[1], int(now + tonumber(ARGV[1])), ARGV[i])
  else
    lost[#lost + 1] = i / 2
  end
end
return lost
