-- Pushes items under a condition or a bound, and marks the queue in sets.
--
-- KEYS[1]     the queue
-- KEYS[2 ..]  sets to add a member to
-- ARGV[5]  RPUSH or LPUSH
-- ARGV[6]  greatest length, '0' for none
-- ARGV[7]  number of members, one for each set
-- ARGV[8 ..]  the members, then the items
-- Result: the length; the status FULL, and nothing pushed, over the bound.
local most, marks = tonumber(ARGV[6]), tonumber(ARGV[7])
local first = 8 + marks
if most > 0 and redis.call('LLEN', KEYS[1]) + #ARGV - first + 1 > most then
  return redis.status_reply('FULL')
end
for i = 1, marks do
  local kind = redis.call('TYPE', KEYS[1 + i])['ok']
  if kind ~= 'none' and kind ~= 'set' then
    return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value')
  end
end
local length
for i = first, #ARGV, 1000 do
  length = redis.call(ARGV[5], KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
for i = 1, marks do redis.call('SADD', KEYS[1 + i], ARGV[7 + i]) end
renew()
return length
