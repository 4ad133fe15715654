-- The heartbeat: renews the leases of claimed work that is still the caller's.
--
-- KEYS[1]  run
-- KEYS[2]  att
-- ARGV[1]  lease in milliseconds
-- ARGV     from 2: member, attempt, and so on
--
-- Result: the places, from 1, of the pairs that were not the caller's any more.
local now = math.floor(clock() / 1000)
local lost = {}
for i = 2, #ARGV, 2 do
  if claimed(redis.call('HGET', KEYS[2], ARGV[i]), ARGV[i + 1]) then
    redis.call('ZADD', KEYS[1], 'XX', int(now + tonumber(ARGV[1])), ARGV[i])
  else
    lost[#lost + 1] = i / 2
  end
end
return lost
