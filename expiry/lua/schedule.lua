-- Schedules a trigger, or moves one.
--
-- KEYS[1]  the trigger
-- KEYS[2]  due: triggers by due time
-- KEYS[3]  pay: payloads
-- KEYS[4]  own: there while a listener handles the action; asked where ARGV[1]
--          holds b
-- ARGV[1]  letters: p there is a payload, else it is dropped, or kept by a debounce;
--          t debounce: at most ARGV[4] after the first one; e only where the trigger
--          exists; a only where it does not; b a bare key that ends when it is
--          due, while nobody owns the action
-- ARGV[2]  delay in milliseconds
-- ARGV[3]  stamp of this call, `trigger:<time>;id=<id>`; a repeat of the call
--          finds it and changes nothing
-- ARGV[4]  limit in milliseconds
-- ARGV[5]  payload
--
-- Result: when it is due, in milliseconds; the error WRONGTYPE, or why the server
-- writes nothing; or the status NOTFOUND or EXISTS when the condition does not
-- hold.
local bad = wrong(due, 'ZCARD') or wrong(pay, 'HLEN')
if bad then return bad end
if answer then
  wakeFor(due, trigger, delay)
  return answer
end
if type(old) == 'table' then return old end
if old then
  local t = read(old)
  redis.call('SET', trigger, old, 'PXAT', int(t.exp))
  return int(t.due)
end

local function asked(letter) return string.find(ARGV[1], letter, 1, true) end

local v, other = held(trigger)
if other then return wrongtype() end
if v and string.sub(v, 1, #stamp) == stamp then
  return int(read(v).due or redis.call('PEXPIRETIME', trigger))
end
local score = tonumber(redis.call('ZSCORE', due, trigger))
if not usable(score) then score = nil end
local overdue = not v and score and now >= score + grace
if asked('e') and not v and not overdue then return redis.status_reply('NOTFOUND') end
if asked('a') and (v or overdue) then return redis.status_reply('EXISTS') end

local debounce = asked('t')
local was = v and read(v) or {}
local bare = stamp
local at = now + delay
if debounce then
  local since = was.first or now
  at = overdue and score or math.min(at, since + tonumber(ARGV[4]))
  bare = bare .. ';first=' .. int(since)
end

local payload = false
if asked('p') then
  payload = ARGV[5]
elseif debounce and (v or overdue) then
  payload = was.payload or redis.call('HGET', pay, pending(trigger))
end

if asked('b') and not overdue and redis.call('EXISTS', KEYS[4]) == 0 then
  drop(due, pay, trigger)
  if payload then bare = bare .. ';pay=' .. payload end
  redis.call('SET', trigger, bare, 'PXAT', int(math.max(at, now + 1)))
  return int(at)
end
if payload then
  redis.call('HSET', pay, pending(trigger), payload)
else
  redis.call('HDEL', pay, pending(trigger))
end
write(due, trigger, bare, at, now)
wakeFor(due, trigger, at - now)
return int(at)
