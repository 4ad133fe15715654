-- Due: returns when a trigger is due.
--
-- KEYS[1]  key of the trigger
-- KEYS[2]  due
-- KEYS[3]  payloads
-- KEYS[4]  status
--
-- Result: the due time in milliseconds; if a recurring trigger has fired, the
-- server's clock, the due time of the firing, and the rule with its length; nil
-- if the trigger does not exist; or the error WRONGTYPE.
local err = wrongType(KEYS[2], 'ZCARD')
if err then return err end
local value, otherType = readKey(KEYS[1])
if otherType then return wrongTypeReply() end
if value then
  local t, expires = parse(value), redis.call('PEXPIRETIME', KEYS[1])
  if t.exp and math.abs(t.exp - expires) <= tolerance then return int(t.due) end
  return expires > 0 and int(expires)
end
local score, now = tonumber(redis.call('ZSCORE', KEYS[2], KEYS[1])), math.floor(clock() / 1000)
if isTime(score) and now >= score + grace then return int(score) end
err = wrongType(KEYS[3], 'HLEN') or wrongType(KEYS[4], 'HLEN')
if err then return err end
local firing, text = recurringFiring(KEYS[4], KEYS[3], KEYS[1])
if not firing then return false end
local at = splitName(firing)
return {int(now), at, (splitRule(text))}
