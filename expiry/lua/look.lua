-- Tells when a trigger is due that has not fired.
--
-- KEYS[1]  the trigger
-- KEYS[2]  due
--
-- Result: when it is due, in milliseconds; nil if there is none; or the error
-- WRONGTYPE.
local bad = wrong(KEYS[2], 'ZCARD')
if bad then return bad end
local v, other = held(KEYS[1])
if other then return wrongtype() end
if v then
  local t, ends = read(v), redis.call('PEXPIRETIME', KEYS[1])
  if t.exp and math.abs(t.exp - ends) <= tolerance then return int(t.due) end
  return ends > 0 and int(ends)
end
local score = tonumber(redis.call('ZSCORE', KEYS[2], KEYS[1]))
return usable(score) and math.floor(clock() / 1000) >= score + grace and int(score)
