-- Reads the rules of recurring triggers. It needs status.lua.
--
-- The rule precedes the payload: `@<length>:<rule>`, as in `@11:every 60000`.
-- It is where the payload is: at `-|<key>` while the trigger is due later, and
-- at the firing from the claim on. The script that ends the firing sets the
-- trigger again, if the firing still has the rule and nobody has set the
-- trigger meanwhile.

-- Returns the rule of a payload, with its length, and the rest. It returns nil
-- if there is none.
local function splitRule(text)
  local digits = string.match(text or '', '^@(%d+):')
  if not digits then return nil end
  local last = #digits + 2 + tonumber(digits)
  if last > #text then return nil end
  return string.sub(text, 1, last), string.sub(text, last + 1)
end

-- Returns the firing that has the turn of a trigger, and its payload, if the
-- firing has a rule.
local function recurringFiring(status, payloads, key)
  local at = redis.call('HGET', status, turnField(key))
  local member = at and at .. '|' .. key
  local text = member and redis.call('HGET', payloads, member)
  if splitRule(text) then return member, text end
end

-- Removes the rule of a firing. The payload stays.
local function removeRule(payloads, member, text)
  local _, rest = splitRule(text)
  if rest == '' then
    redis.call('HDEL', payloads, member)
  else
    redis.call('HSET', payloads, member, rest)
  end
end
