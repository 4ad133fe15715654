-- Delete and DeleteAll: deletes a trigger that has not fired, with its payload.
-- If a recurring trigger has fired, it is not set again.
--
-- KEYS[1]  key of the trigger
-- KEYS[2]  due
-- KEYS[3]  payloads
-- KEYS[4]  status
--
-- Result: 1 if the trigger existed, else 0; or the error WRONGTYPE.
local err = wrongType(KEYS[2], 'ZCARD') or wrongType(KEYS[3], 'HLEN') or wrongType(KEYS[4], 'HLEN')
if err then return err end
local now = math.floor(clock() / 1000)
local value, otherType = readKey(KEYS[1])
if otherType then return wrongTypeReply() end
local due = tonumber(redis.call('ZSCORE', KEYS[2], KEYS[1]))
local overdue = not value and isTime(due) and now >= due + grace
if value then redis.call('DEL', KEYS[1]) end
dropTrigger(KEYS[2], KEYS[3], KEYS[1])
local firing, text = recurringFiring(KEYS[4], KEYS[3], KEYS[1])
if firing then removeRule(KEYS[3], firing, text) end
return (value or overdue or firing) and 1 or 0
