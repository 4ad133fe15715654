-- Push to a queue in a schedule: RPUSH without condition, bound, lifetime and
-- order, less than a second after the process last repaired the schedule.
--
-- This file handles a queue that has items already: the schedule stays as it
-- is. The second part, push_first.lua, handles an empty one. It stands behind
-- this file and schedule.lua, since code that is not reached costs nothing.
-- RPUSH refuses a queue of another type. If another key holds another type, the
-- push is undone.
--
-- KEYS[1]  the queue
-- KEYS[2]  set of those who have items
-- KEYS[3]  %tenants of the schedule
-- KEYS[4]  age, see push.lua
-- ARGV[1]  '' if the queue keeps its lifetime
-- ARGV[2]  the member of the set
-- ARGV[3]  the queue's member of the schedule
-- ARGV[4]  its tenant
-- ARGV[5 ..]  the items
-- Result: that of push.lua.
local length
for i = 5, #ARGV, 500 do length = redis.call('RPUSH', KEYS[1], unpack(ARGV, i, math.min(i + 499, #ARGV))) end
local added = redis.pcall('SADD', KEYS[2], ARGV[2])
if type(added) == 'table' then
  redis.call('LTRIM', KEYS[1], 0, -(#ARGV - 3))
  return added
end
if length > #ARGV - 4 then
  if ARGV[1] ~= '' and redis.call('PERSIST', KEYS[1]) == 1 then return {length, -1} end
  return length
end
