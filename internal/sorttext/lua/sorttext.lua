-- The texts of numbers in package sorttext. Scripts that compute the entries of
-- an index begin with this file.

-- Subtracts each digit from 9, so that the digits of negative numbers sort.
local complements
local function complement(digits)
  complements = complements or {
    ['0'] = '9', ['1'] = '8', ['2'] = '7', ['3'] = '6', ['4'] = '5', ['5'] = '4', ['6'] = '3', ['7'] = '2', ['8'] = '1', ['9'] = '0',
  }
  return (string.gsub(digits, '%d', complements))
end

-- Returns the text of a decimal integer of up to 64 bits, or nil.
local function sort_number(text)
  local sign, digits = string.match(text, '^(-?)(%d+)$')
  if not digits then return nil end
  digits = string.match(digits, '^0*(%d+)$')
  if #digits > 20 then return nil end
  digits = string.rep('0', 20 - #digits) .. digits
  if sign == '' or digits == string.rep('0', 20) then
    if digits > '18446744073709551615' then return nil end
    return '0' .. digits
  end
  if digits > '09223372036854775808' then return nil end
  return '-' .. complement(digits)
end

-- On the embedded server math.huge is the largest finite number.
local infinity = 1 / 0

-- Returns the text of a Lua number.
local function sort_float(x)
  if x ~= x then return '1' .. string.rep('0', 20) end
  if x == infinity then return '0' .. string.rep('9', 20) end
  if x == -infinity then return '-' .. string.rep('0', 20) end
  if x == 0 then return '0' .. string.rep('0', 20) end
  local sign, first, rest, exponent = string.match(string.format('%.16e', x), '^(-?)(%d)%.(%d+)e([-+]%d+)$')
  local digits = string.format('%03d', tonumber(exponent) + 400) .. first .. rest
  if sign == '' then return '0' .. digits end
  return '-' .. complement(digits)
end
