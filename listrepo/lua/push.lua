-- Push and PushFront with a condition, a bound, a lifetime or an order, and those
-- of a queue that is in a schedule.
--
-- This file handles the usual push to a queue in a schedule that has items
-- already: the schedule stays as it is. The next part, push_first.lua, handles
-- the usual push to an empty one, and push_other.lua every other push. They
-- stand behind this file, since code that is not reached costs nothing. RPUSH or
-- LLEN refuses a queue of another type. If a key beside the queue holds another
-- type, the push is undone.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3]  set of those who have items; may be missing, and KEYS[4] and KEYS[5]
--          with it
-- KEYS[4]  %tenants of the schedule
-- KEYS[5]  age: times, by the number of items taken plus the queue's length at
--          that time; the member 'taken' has the number of items taken
-- ARGV[5]  RPUSH or LPUSH
-- ARGV[6]  the greatest length of the queue, '0' for no bound
-- ARGV[7]  the member of the set
-- ARGV[8]  the queue's member of the schedule
-- ARGV[9]  its tenant
-- ARGV[10] '1' if this is a usual push: RPUSH without bound, lifetime and order,
--          less than a second after the process last repaired the schedule
-- ARGV[11] how the options order the queue, '' if they do not; see parseOrdering
--          in order.lua
-- ARGV[12 ..]  the items
-- Result: {length, from}: the length of the queue, and the claim from which
-- renew_beside.lua continues. If nothing is left to renew, the length alone. If
-- the items do not fit under the bound, the status FULL, and nothing is pushed.
local length
if ARGV[10] == '1' then
  for i = 12, #ARGV, 500 do length = redis.call('RPUSH', KEYS[1], unpack(ARGV, i, math.min(i + 499, #ARGV))) end
  existed = length > #ARGV - 11
  local added = redis.pcall('SADD', KEYS[3], ARGV[7])
  if type(added) == 'table' then
    redis.call('LTRIM', KEYS[1], 0, -(#ARGV - 10))
    return added
  end
  if existed then
    if ARGV[3] == '' and redis.call('PERSIST', KEYS[1]) == 1 then return {length, -1} end
    return length
  end
elseif ARGV[4] == '' then
  existed = redis.call('LLEN', KEYS[1]) > 0
end
