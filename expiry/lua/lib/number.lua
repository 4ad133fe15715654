-- Formats a whole number of any size without an exponent, as Redis expects it.
local function int(n) return string.format('%.0f', n) end
