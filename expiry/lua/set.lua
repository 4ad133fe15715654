-- Set, SetAt, SetEvery, SetCron and Debounce: sets a trigger, or changes when it
-- is due. It follows lib/set_fast.lua.
--
-- KEYS[1]  key of the trigger
-- KEYS[2]  due: triggers by due time
-- KEYS[3]  payloads
-- KEYS[4]  status; given with any flag but p
-- KEYS[5]  handled: exists while a listener handles the action; given with flag
--          b
-- ARGV[1]  delay in milliseconds; with flag t, the due time, or any time in the
--          past for now
-- ARGV[2]  stamp of this call, `trigger:<time>;id=<id>`: if the call is
--          repeated, the script finds it and changes nothing
-- ARGV[3]  flags; may be missing: p there is a payload; d debounce: keep the
--          payload, and be due at most ARGV[4] after the first call; e only if
--          the trigger exists; a only if it does not; b write a bare key, which
--          expires when it is due, while no listener handles the action; o put
--          ARGV[5] before the payload that is kept, in place of another origin;
--          r the payload begins with a rule (lib/rule.lua): a trigger that has
--          the same rule stays due when it is; t ARGV[1] is a time
-- ARGV[4]  with flag d: the limit in milliseconds
-- ARGV[5]  with flag p: the payload; with flag o: an origin
--
-- Result: when the trigger is due, in milliseconds; the status NOTFOUND or
-- EXISTS if the condition does not hold; the status UNHANDLED if a trigger with
-- a rule cannot be a bare key; the error WRONGTYPE; or the server's refusal.
local err = wrongType(due, 'ZCARD') or wrongType(payloads, 'HLEN')
if err then return err end
if answer then
  wakeIfFirst(due, trigger, delay)
  return answer
end
if refused then return refused end

-- has reports whether the call has a flag.
local function has(flag) return string.find(ARGV[3] or '', flag, 1, true) end

local value, otherType = readKey(trigger)
if otherType then return wrongTypeReply() end
if value and string.sub(value, 1, #stamp) == stamp then
  return int(parse(value).due or redis.call('PEXPIRETIME', trigger))
end
local score = tonumber(redis.call('ZSCORE', due, trigger))
if not isTime(score) then score = nil end
local overdue = not value and score and now >= score + grace
local firing, firingText
if not value and not overdue and KEYS[4] then
  local err = wrongType(KEYS[4], 'HLEN')
  if err then return err end
  firing, firingText = recurringFiring(KEYS[4], payloads, trigger)
end
if has('e') and not value and not overdue and not firing then return redis.status_reply('NOTFOUND') end
if has('a') and (value or overdue or firing) then return redis.status_reply('EXISTS') end
local isHandled = not has('b') or redis.call('EXISTS', KEYS[5]) == 1
if has('r') and not isHandled then return redis.status_reply('UNHANDLED') end

local debounce = has('d')
local before = value and parse(value) or {}
if has('r') then
  local rule = splitRule(ARGV[5])
  if firing and splitRule(firingText) == rule then
    redis.call('HSET', payloads, firing, ARGV[5])
    return (splitName(firing))
  end
  if score and (value or overdue) and splitRule(redis.call('HGET', payloads, pendingField(trigger))) == rule then
    redis.call('HSET', payloads, pendingField(trigger), ARGV[5])
    return int(before.due or score)
  end
end
local head = stamp
local at = now + delay
if has('t') then at = math.max(delay, now) end
if debounce then
  local first = before.first or now
  at = overdue and score or math.min(at, first + tonumber(ARGV[4]))
  head = head .. ';first=' .. int(first)
end

local payload = false
if has('p') then
  payload = ARGV[5]
elseif debounce and (value or overdue) then
  payload = before.payload or redis.call('HGET', payloads, pendingField(trigger))
elseif debounce and firing then
  payload = firingText
end

local rule, rest = splitRule(payload)
if has('o') then payload = (rule or '') .. ARGV[5] .. withoutOrigin(rest or payload or '') end

if not isHandled and not overdue and not rule then
  dropTrigger(due, payloads, trigger)
  payload = withoutOrigin(payload or '')
  if payload ~= '' then head = head .. ';pay=' .. payload end
  redis.call('SET', trigger, head, 'PXAT', int(math.max(at, now + 1)))
  return int(at)
end
if payload then
  redis.call('HSET', payloads, pendingField(trigger), payload)
else
  redis.call('HDEL', payloads, pendingField(trigger))
end
writeTrigger(due, trigger, head, at, now)
if at < now then noteEarlier(due, 't' .. trigger) end
wakeIfFirst(due, trigger, at - now)
return int(at)
