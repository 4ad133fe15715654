-- Rule: returns the rule of a recurring trigger.
--
-- KEYS[1]  key of the trigger
-- KEYS[2]  due
-- KEYS[3]  payloads
-- KEYS[4]  status
--
-- Result: the rule with its length; nil if the trigger is not recurring; or the
-- error WRONGTYPE.
local err = wrongType(KEYS[2], 'ZCARD') or wrongType(KEYS[3], 'HLEN') or wrongType(KEYS[4], 'HLEN')
if err then return err end
local value, otherType = readKey(KEYS[1])
if otherType then return wrongTypeReply() end
local due = tonumber(redis.call('ZSCORE', KEYS[2], KEYS[1]))
if value or isTime(due) and math.floor(clock() / 1000) >= due + grace then
  return splitRule(redis.call('HGET', KEYS[3], pendingField(KEYS[1]))) or false
end
local _, text = recurringFiring(KEYS[4], KEYS[3], KEYS[1])
return splitRule(text) or false
