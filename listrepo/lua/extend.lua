-- Extend: renews the lease of a claim.
--
-- This file handles a lease that becomes longer: the queue may be in the
-- schedule too early then. The second part, extend_shorter.lua, stands behind
-- this file and schedule.lua, since code that is not reached costs nothing.
--
-- KEYS[1]  the claim
-- KEYS[2]  done: the places of its settled items
-- KEYS[3]  due
-- KEYS[4]  the queue; missing if it is in no schedule, and KEYS[5] with it
-- KEYS[5]  %tenants of the schedule
-- ARGV[1]  the claim's header
-- ARGV[2]  the new lease from now, in milliseconds
-- ARGV[3]  the lifetime of the queue in milliseconds, '0' for none
-- ARGV[4]  '1' if the queue has an order, else ''
-- ARGV[5]  the queue's member of the schedule
-- ARGV[6]  its tenant
-- Result: 1, or 0 if the claim was lost. Then nothing is changed.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('ZREM', KEYS[3], '') -- for a server without memory: see claim_usual.lua
local time, tail = redis.call('TIME'), string.sub(KEYS[3], #'%due' + 1)
local ends = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2])
local longer = redis.call('ZADD', KEYS[3], 'GT', 'CH', ends, ARGV[1]) == 1
local lifetime = math.min(ARGV[2] + ARGV[3], 9223372036854)
for _, key in ipairs({KEYS[1], KEYS[2], KEYS[3], ARGV[4] == '1' and '%order' .. tail or nil}) do
  local left = redis.call('PTTL', key)
  if left >= 0 and left < lifetime then redis.call('PEXPIRE', key, lifetime) end
end
if longer then return 1 end
redis.call('ZADD', KEYS[3], ends, ARGV[1])
if not KEYS[5] then return 1 end
