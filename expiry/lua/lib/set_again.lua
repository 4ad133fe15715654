-- Sets recurring triggers again. It needs number.lua, check.lua, trigger.lua,
-- status.lua, wake.lua and rule.lua.

-- Sets the trigger of a firing again, if the firing still has the rule and the
-- trigger is not set. It removes the rule of the firing.
local function setAgain(due, payloads, member, rule, at, now)
  local _, key = splitName(member)
  local text = redis.call('HGET', payloads, member)
  if not key or splitRule(text) ~= rule then return end
  removeRule(payloads, member, text)
  if redis.call('ZSCORE', due, key) or redis.call('EXISTS', key) == 1 then return end
  redis.call('HSET', payloads, pendingField(key), text)
  writeTrigger(due, key, 'trigger:', at, now)
  wakeIfFirst(due, key, at - now)
end
