-- Defer: hands out a queue of the schedule no earlier than after a pause.
--
-- KEYS[1]  %tenants
-- ARGV[1]  the queue's member of the schedule
-- ARGV[2]  its tenant
-- ARGV[3]  the pause in milliseconds
-- Result: 1 if the queue is in the schedule, else 0.
local queues = queuesOf(KEYS[1], ARGV[2])
if not tryCall('ZSCORE', queues, ARGV[1]) then return 0 end
redis.call('ZADD', queues, 'GT', pauseUntil(ARGV[3]), ARGV[1])
return 1
