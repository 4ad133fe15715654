-- The server's clock, and the schedule of a service: functions for the scripts
-- that change a queue. The file follows preamble.lua if the script has one.
--
-- The schedule tells workers which queues have something to hand out, and when.
-- It has these keys beside the set of those who have items. They begin and end
-- alike: scripts get the first one and derive the others.
--
--   %tenants            sorted set: tenants, by the time in ms of their next
--                       turn. It may be too early, but never too late.
--   %queues...:<tenant> sorted set: the queues of a tenant, by the time in ms
--                       from which each has something to hand out
--   %drained            sorted set: tenants whose last queue left the schedule,
--                       by the time in ms at which it did, or by 0 if the
--                       removal of the tenant from the set has begun
--   %sweep              string: the process that sweeps
--   %wake               channel: milliseconds until a queue is ready
--
-- A time of pauseUntil is a pause, because the queue was handed out or deferred:
-- it may be later than the time from which the queue has something to hand out.
-- Any other time that is too late is wrong, because another program changed the
-- queue or the clock was set back.
--
-- A queue is in the schedule if and only if it has items: in its list, in
-- claims, or beside them. A tenant is escaped as in the name of its queues.

-- clock is the reply to TIME, and now is the same time in milliseconds.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- instant is now with its microseconds, so that turns keep their order.
local instant = clock[1] * 1000 + clock[2] / 1000

-- skipped is a key that was not used because it holds another type, or ''.
local skipped = ''

-- tryCall runs a command on a key that a script can do without. If the key
-- holds another type, the command is skipped.
local function tryCall(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply['err'] then return reply end
  if not string.find(reply['err'], 'WRONGTYPE', 1, true) then redis.call(command, key, ...) end -- raises the error
  skipped = key
end

-- queuesOf returns the key of a tenant's queues.
local function queuesOf(tenants, tenant) return '%queues' .. string.sub(tenants, 9) .. ':' .. tenant end

-- pauseUntil returns the time at which a pause of ms ends. Its fraction is one
-- that no time of the clock has, in ms with microseconds.
local function pauseUntil(ms) return now + ms + 2 ^ -12 end

-- isTooLate reports whether a time of a queue is wrong, given the time from
-- which it has something to hand out.
local function isTooLate(at, ready) return at > math.max(ready, instant) and at % 1 ~= 2 ^ -12 end

-- lastLease returns when the last lease of a queue's claims in flight ends, in
-- ms. If no claim is in flight, it returns 0. It passes over entries that are no
-- claims; the next claim removes them.
local function lastLease(tail)
  for i = 0, 99 do
    local last = redis.call('ZREVRANGE', '%due' .. tail, i, i, 'WITHSCORES')
    local ends = tonumber(last[2]) or 0
    if ends <= now then return 0 end
    local token = string.match(last[1], '^%d+%-(%w+)')
    if token and redis.call('EXISTS', '%claim-' .. token .. tail) == 1 then return ends end
  end
  return 0
end

-- nextLook returns the time in ms from which a queue has something to hand out.
-- If the queue has no items, it returns nil. If a key beside the queue holds
-- another type or an entry that the library did not write, it returns the time
-- now: the next claim reports it.
local function nextLook(queue, tail)
  local at = redis.call('EXISTS', queue, '%again' .. tail) > 0 and instant or nil
  local serial, ready, busy = false, 0, 0
  if redis.call('EXISTS', '%order' .. tail, '%delayed' .. tail) > 0 then
    local order = redis.pcall('HMGET', '%order' .. tail, 'serial', 'first', 'until', 'hold')
    local delayed = redis.pcall('ZRANGE', '%delayed' .. tail, 0, 0, 'WITHSCORES')
    if order['err'] or delayed['err'] then return instant end
    serial = order[1]
    -- If first is later than now, the clock was set back, and until means nothing.
    if (tonumber(order[2] or 0) or 0) <= now then ready = tonumber(order[3] or 0) or 0 end
    if serial then ready = math.max(ready, tonumber(order[4] or 0) or 0) end
    if delayed[1] then at = math.min(at or math.huge, serial and instant or tonumber(delayed[2]) or 0) end
  end
  if at ~= instant or serial then
    local claims = redis.pcall('ZRANGE', '%due' .. tail, 0, 0, 'WITHSCORES')
    if claims['err'] then return instant end
    if claims[1] then
      at = math.min(at or math.huge, tonumber(claims[2]) or 0)
      if serial then busy = lastLease(tail) end
    end
  end
  if not at then return end
  at = math.max(at, ready, busy)
  return at > instant and at < 9007199254740992 and at or instant
end

-- bringForward makes the next turn of a tenant no later than a time. If no queue
-- of the service is ready before that time, and it is less than a second ahead,
-- workers are woken. The user may lack the permission for that.
local function bringForward(tenants, tenant, at)
  if tryCall('ZADD', tenants, 'LT', 'CH', at, tenant) ~= 1 or at - now >= 1000 then return end
  if redis.call('ZRANGE', tenants, 0, 0)[1] == tenant then
    redis.pcall('PUBLISH', '%wake' .. string.sub(tenants, 9), math.max(math.ceil(at - instant), 0))
  end
end

-- scheduleAt sets the time of a queue.
local function scheduleAt(tenants, tenant, member, at)
  if tryCall('ZADD', queuesOf(tenants, tenant), at, member) then bringForward(tenants, tenant, at) end
end

-- unschedule removes a queue from the schedule.
local function unschedule(tenants, tenant, member)
  local queues = queuesOf(tenants, tenant)
  if tryCall('ZREM', queues, member) ~= 1 or redis.call('EXISTS', queues) == 1 then return end
  tryCall('ZREM', tenants, tenant)
  tryCall('ZADD', '%drained' .. string.sub(tenants, 9), now, tenant)
end

-- reschedule brings the schedule in line with a queue that was changed, and
-- returns nextLook. If the queue has no items, it also removes what is known
-- about earlier ones.
local function reschedule(tenants, tenant, member, queue, tail)
  local at = nextLook(queue, tail)
  if at then
    scheduleAt(tenants, tenant, member, at)
  else
    unschedule(tenants, tenant, member)
    redis.call('UNLINK', '%back' .. tail, '%age' .. tail, '%order' .. tail, '%origins' .. tail)
  end
  return at
end
