-- ack: ends firings that succeeded, if the caller's claim is valid. It follows
-- lib/ack_fast.lua.
--
-- KEYS[1]  active
-- KEYS[2]  status
-- KEYS[3]  payloads
-- KEYS[4]  due
-- KEYS[5]  dead
-- ARGV     pairs of member and attempt
--
-- Result: the positions, from 1, of the pairs whose claim was lost.
if refused then
  return wrongType(active, 'ZCARD') or wrongType(status, 'HLEN') or wrongType(payloads, 'HLEN') or refused
end
local now = math.floor(clock() / 1000)
for _, key in ipairs(ended) do
  startNext(KEYS[4], active, status, KEYS[5], key, now)
end
return lost
