-- PutOff: puts off the time at which a quiet queue hands out its items.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3]  %tenants of the schedule; may be missing
-- ARGV[5]  how the options order the queue; see parseOrdering in order.lua
-- ARGV[6]  the queue's member of the schedule
-- ARGV[7]  its tenant
-- Result: {from}, the claim from which renew_beside.lua continues, 0 if nothing
-- is left to renew; or 0 if no item waits. Then nothing is changed.
local tail = string.sub(KEYS[2], #'%due' + 1)
local order, again, delayed = '%order' .. tail, '%again' .. tail, '%delayed' .. tail
if not isType(order, 'hash') then return wrongType(order) end
if not isType(KEYS[2], 'zset') then return wrongType(KEYS[2]) end
if redis.call('EXISTS', KEYS[1], again, delayed) == 0
  and #redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1) == 0 then
  return 0
end
local _, quiet, atMost = parseOrdering(ARGV[5])
putOff(order, quiet, atMost, true)
local from = renewQueue(KEYS[1])
from = renewBeside(KEYS[1], tail, from)
renewOrder(KEYS[1], tail)
if KEYS[3] then reschedule(KEYS[3], ARGV[7], ARGV[6], KEYS[1], tail) end
return {from}
