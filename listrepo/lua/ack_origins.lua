-- Ack for pools with a pool.Propagator. It follows the function ack, which is
-- ack.lua, and origins.lua, which describes the keys.
--
-- KEYS     those of ack.lua
-- ARGV     those of ack.lua, and then what takeEnded takes
-- Result: that of ack.lua.
local ended = takeEnded()
local held = ack()
if held == 1 then dropOrigins(string.sub(KEYS[3], #'%due' + 1), ended) end
return held
