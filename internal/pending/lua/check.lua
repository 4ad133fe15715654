-- Check and Withdraw: brings the schedule in line with a queue that other
-- programs may have changed.
--
-- KEYS[1]  %tenants
-- KEYS[2]  the queue
-- KEYS[3]  due
-- ARGV[1]  the queue's member of the schedule
-- ARGV[2]  its tenant
-- ARGV[3]  '1' to remove the queue from the schedule even if it has items in its
--          list, unless it also has items beside that, else ''
-- Result: 1 if the queue has items, else 0.
local tail = string.sub(KEYS[3], 5)
local at = nextLook(KEYS[2], tail)
if not at then
  reschedule(KEYS[1], ARGV[2], ARGV[1], KEYS[2], tail)
  return 0
end
if ARGV[3] == '1' and redis.call('EXISTS', KEYS[3], '%again' .. tail, '%delayed' .. tail) == 0 then
  unschedule(KEYS[1], ARGV[2], ARGV[1])
else
  local scheduled = tonumber(tryCall('ZSCORE', queuesOf(KEYS[1], ARGV[2]), ARGV[1]) or nil)
  scheduleAt(KEYS[1], ARGV[2], ARGV[1], scheduled and not isTooLate(scheduled, at) and scheduled or at)
end
return 1
