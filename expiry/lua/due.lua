-- Due: returns when a trigger that has not fired is due.
--
-- KEYS[1]  key of the trigger
-- KEYS[2]  due
--
-- Result: the due time in milliseconds; nil if the trigger does not exist; or
-- the error WRONGTYPE.
local err = wrongType(KEYS[2], 'ZCARD')
if err then return err end
local value, otherType = readKey(KEYS[1])
if otherType then return wrongTypeReply() end
if value then
  local t, expires = parse(value), redis.call('PEXPIRETIME', KEYS[1])
  if t.exp and math.abs(t.exp - expires) <= tolerance then return int(t.due) end
  return expires > 0 and int(expires)
end
local score = tonumber(redis.call('ZSCORE', KEYS[2], KEYS[1]))
return isTime(score) and math.floor(clock() / 1000) >= score + grace and int(score)
