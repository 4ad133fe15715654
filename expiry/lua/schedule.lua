-- Schedules a trigger, or moves one.
--
-- KEYS[1]   the trigger
-- KEYS[2]   due: triggers by due time
-- KEYS[3]   pay: payloads
-- KEYS[4]   own: there while a listener handles the action
-- ARGV[1]   'set', or 'touch': at most ARGV[3] after the first touch
-- ARGV[2]   delay in milliseconds
-- ARGV[3]   limit in milliseconds
-- ARGV[4]   stamp of this call, `trigger:<time>;id=<id>`; a repeat of the call
--           finds it and changes nothing
-- ARGV[5]   '1': ARGV[6] is the payload; else 'set' drops one, 'touch' keeps it
-- ARGV[6]   payload
-- ARGV[7]   condition: '' none, 'exists', 'absent'
-- ARGV[8]   channel of wake-ups
-- ARGV[9]   shard
-- ARGV[10]  '1': a bare key that ends when it is due, while nobody owns the action
--
-- Result: when it is due, in milliseconds; the error WRONGTYPE; or the status
-- NOTFOUND or EXISTS when the condition does not hold.
local now = math.ceil(clock() / 1000)
local v, other = held(KEYS[1])
if other then
  return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value')
end
if v and string.sub(v, 1, #ARGV[4]) == ARGV[4] then
  return int(read(v).due or redis.call('PEXPIRETIME', KEYS[1]))
end
local touch = ARGV[1] == 'touch'
local score = false
if touch or ARGV[7] ~= '' then score = redis.call('ZSCORE', KEYS[2], KEYS[1]) end
local overdue = not v and score and now >= tonumber(score) + grace
if ARGV[7] == 'exists' and not v and not overdue then return redis.status_reply('NOTFOUND') end
if ARGV[7] == 'absent' and (v or overdue) then return redis.status_reply('EXISTS') end

local old = v and read(v) or {}
local bare = ARGV[4]
local at = now + tonumber(ARGV[2])
if touch then
  local since = old.first or now
  at = math.min(at, since + tonumber(ARGV[3]))
  if overdue then at = tonumber(score) end
  bare = bare .. ';first=' .. int(since)
end

local payload = false
if ARGV[5] == '1' then
  payload = ARGV[6]
elseif touch and (v or overdue) then
  payload = old.payload or redis.call('HGET', KEYS[3], pending(KEYS[1]))
end

if ARGV[10] == '1' and not overdue and redis.call('EXISTS', KEYS[4]) == 0 then
  drop(KEYS[2], KEYS[3], KEYS[1])
  if payload then bare = bare .. ';pay=' .. payload end
  redis.call('SET', KEYS[1], bare, 'PXAT', int(math.max(at, now + 1)))
  return int(at)
end
if payload then
  redis.call('HSET', KEYS[3], pending(KEYS[1]), payload)
else
  redis.call('HDEL', KEYS[3], pending(KEYS[1]))
end
write(KEYS[2], KEYS[1], bare, at, now)
if first(KEYS[2], KEYS[1]) then wake(ARGV[8], ARGV[9], at - now) end
return int(at)
