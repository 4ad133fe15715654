-- The heartbeat: renews the leases of claimed work that is still the caller's.
-- A lease whose entry is gone is written anew.
--
-- KEYS[1]  run
-- KEYS[2]  att
-- ARGV[1]  lease in milliseconds
-- ARGV     from 2: member, attempt, and so on
--
-- Result: the places, from 1, of the pairs that were not the caller's any more.
local bad = wrong(KEYS[1], 'ZCARD') or wrong(KEYS[2], 'HLEN')
if bad then return bad end
local now = math.floor(clock() / 1000)
local lost = {}
for i = 2, #ARGV, 2 do
  if claimed(redis.call('HGET', KEYS[2], ARGV[i]), ARGV[i + 1]) then
    redis.call('ZADD', KEYS[1], int(now + tonumber(ARGV[1])), ARGV[i])
  else
    lost[#lost + 1] = i / 2
  end
end
return lost
