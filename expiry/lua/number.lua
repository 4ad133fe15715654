-- A whole number as Redis takes it, whatever its size.
local function int(n) return string.format('%.0f', n) end
