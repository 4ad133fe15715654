-- Applies operations to the fields of a record: all of them, or none if one is
-- impossible. Run by HashRepo.Update, Merge, Mutate and the methods that change
-- one field.
--
-- KEYS[1]        the record
-- ARGV[8]        limit on the size of a list that grows, in bytes
-- ARGV[9]        number of fields to return, n, or '-1' for all
-- ARGV[10..9+n]  their names
-- ARGV[10+n..]   operations, one after the other:
--   set FIELD TEXT            sets the field and removes its own lifetime
--   setfor FIELD TEXT MS      sets the field, which expires after MS
--                             milliseconds
--   replace FIELD TEXT        sets the field, which keeps its own lifetime
--   clear FIELD               removes the field
--   addinteger FIELD ADDEND LEAST GREATEST
--                             adds decimal integers of up to 64 bits, if the
--                             sum is in the range
--   addfloat FIELD ADDEND     adds float64 numbers
--   addfloatwithin FIELD ADDEND LEAST GREATEST
--                             adds float64 numbers, if the sum is in the range
--   append FIELD ELEMENTS     appends JSON elements, separated by commas
--   rename FIELD OLD          moves the field OLD to FIELD, with its own
--                             lifetime; only removes OLD if FIELD exists
--   requirefield FIELD EXISTS TEXT
--                             requires that the field has the text (EXISTS is
--                             '1') or is absent ('')
--   requirerecord EXISTS      requires that the record exists ('1') or not ('')
--   requirecount N            requires that the record has N fields
-- Result: the reply to HMGET or HGETALL for the fields to return, or 1 if there
-- are none. If nothing was changed: the status CHANGED if a requirement does
-- not hold, or OVERFLOW, NOTNUMBER, NOTLIST or TOOLARGE with the number of the
-- operation that is impossible. OVERFLOW is followed by the text of the field,
-- if it has one.
local n = tonumber(ARGV[9])
local at, last = 10 + math.max(n, 0), last_argument

local changed = {}  -- name, text, name, text ...; false for a field to remove
local index = {}    -- of each changed field in the list above
local lifetime = {} -- of each changed field: milliseconds, 'none' or 'keep'
local moved = {}    -- the old name of each field that was moved
local clears = false

-- Returns the text of a field after the operations so far.
local function current(name)
  if index[name] then return changed[index[name] + 1] end
  return redis.call('HGET', KEYS[1], name)
end

local function change(name, text, ms)
  local i = index[name]
  if not i then
    i = #changed + 1
    index[name], changed[i] = i, name
  end
  changed[i + 1] = text
  if field_lifetimes and (ms ~= 'keep' or not lifetime[name]) then lifetime[name] = ms end
end

-- tonumber: the Lua of the embedded server needs a base for integers and a
-- point in other numbers.

-- Parses a decimal integer. The numbers of Lua have fewer than 64 bits, so an
-- integer is high * 1e10 + low here, with 0 <= low < 1e10. Returns nothing for
-- another text.
local function parse_integer(digits)
  local sign
  sign, digits = string.match(digits, '^(%-?)(%d+)$')
  if not digits or #digits > 20 or #digits > 1 and string.sub(digits, 1, 1) == '0' then return end
  local high, low = tonumber(string.sub(digits, 1, -11), 10) or 0, tonumber(string.sub(digits, -10), 10)
  if sign == '' then return high, low end
  if low == 0 then return -high, 0 end
  return -high - 1, 1e10 - low
end

local function format_integer(high, low)
  if high < 0 then
    if low > 0 then high, low = high + 1, 1e10 - low end
    if high == 0 then return string.format('-%.0f', low) end
    return string.format('%.0f%010.0f', high, low)
  end
  if high == 0 then return string.format('%.0f', low) end
  return string.format('%.0f%010.0f', high, low)
end

local function less(high, low, high2, low2)
  return high < high2 or high == high2 and low < low2
end

-- Returns the sum of a field and an integer, or nil and a status. A sum of
-- integers of up to 15 characters is exact in the numbers of Lua.
local function add_integer(name, addend, least, greatest)
  local text = current(name) or '0'
  if #text <= 15 and #addend <= 15 and (text == '0' or string.find(text, '^%-?[1-9]%d*$')) then
    local sum = tonumber(text, 10) + tonumber(addend, 10)
    if sum < tonumber(least .. '.0') or sum > tonumber(greatest .. '.0') then return nil, 'OVERFLOW' end
    return string.format('%.0f', sum)
  end
  local high, low = parse_integer(text)
  if not high then return nil, 'NOTNUMBER' end
  local addend_high, addend_low = parse_integer(addend)
  high, low = high + addend_high, low + addend_low
  if low >= 1e10 then high, low = high + 1, low - 1e10 end
  local least_high, least_low = parse_integer(least)
  local greatest_high, greatest_low = parse_integer(greatest)
  if less(high, low, least_high, least_low) or less(greatest_high, greatest_low, high, low) then return nil, 'OVERFLOW' end
  return format_integer(high, low)
end

local non_finite = { inf = 1 / 0, Inf = 1 / 0, Infinity = 1 / 0, nan = 0 / 0, NaN = 0 / 0 }

-- Parses a float64. Returns nothing for another text.
local function parse_float(text)
  local sign, word = string.match(text, '^([%+%-]?)(%a+)$')
  if word then
    local value = non_finite[word]
    if sign == '+' and value ~= 1 / 0 then return end
    return value and sign == '-' and -value or value
  end
  local whole, rest = string.match(text, '^%-?(%d+)(.*)$')
  if not whole or #whole > 1 and string.sub(whole, 1, 1) == '0' then return end
  local exponent = string.match(rest, '^%.%d+(.*)$') or rest
  if exponent ~= '' and not string.find(exponent, '^[eE][%+%-]?%d+$') then return end
  if string.sub(rest, 1, 1) ~= '.' then rest = '.0' .. rest end
  local value = tonumber(string.match(text, '^%-?') .. whole .. rest)
  if value and value - value == 0 then return value end
end

-- Returns a number in scientific notation with 16 digits, with its last digit
-- incremented. A power of two is nearer to the number below it than to the
-- number above it, so its shortest text may be the incremented one.
local function increment_last_digit(scientific)
  local sign, first, rest, exponent = string.match(scientific, '^(%-?)(%d)%.(%d+)(e.+)$')
  local high, low = tonumber(first .. string.sub(rest, 1, 7), 10), tonumber(string.sub(rest, 8), 10) + 1
  if low == 1e8 then high, low = high + 1, 0 end
  local digits = string.format('%08.0f%08.0f', high, low)
  return sign .. string.sub(digits, 1, 1) .. '.' .. string.sub(digits, 2) .. exponent
end

-- Formats a float64 as Python does, with the fewest digits that are read as the
-- same number.
local function format_float(x)
  if x ~= x then return 'NaN' end
  if x == 1 / 0 then return 'Infinity' end
  if x == -1 / 0 then return '-Infinity' end
  local scientific
  -- 15 digits are exact, except for subnormal numbers.
  local fewest = math.abs(x) < 2.3e-308 and 0 or 14
  for digits = fewest, 16 do
    scientific = string.format('%#.' .. digits .. 'e', x)
    if tonumber(scientific) == x then break end
    if digits == 15 and tonumber(increment_last_digit(scientific)) == x then
      scientific = increment_last_digit(scientific)
      break
    end
  end
  local sign, first, rest, exponent = string.match(scientific, '^(%-?)(%d)%.?(%d-)0*e(.+)$')
  local e = tonumber(exponent)
  if e < -4 or e >= 16 then
    if rest ~= '' then first = first .. '.' end
    return sign .. first .. rest .. 'e' .. exponent
  end
  local digits = first .. rest
  if e < 0 then return sign .. '0.' .. string.rep('0', -e - 1) .. digits end
  digits = digits .. string.rep('0', e + 2 - #digits)
  return sign .. string.sub(digits, 1, e + 1) .. '.' .. string.sub(digits, e + 2)
end

-- Returns the sum of a field and a float64, or nil and a status.
local function add_float(name, addend, least, greatest)
  local x = parse_float(current(name) or '0')
  if not x then return nil, 'NOTNUMBER' end
  local y = parse_float(addend)
  local sum = x + y
  if least and not (sum >= parse_float(least) and sum <= parse_float(greatest)) then return nil, 'OVERFLOW' end
  local infinite = sum - sum ~= 0
  if infinite and x - x == 0 and y - y == 0 then return nil, 'OVERFLOW' end
  return format_float(sum)
end

-- Returns a JSON list with more elements, or nil and a status.
local function append(name, elements)
  local list = current(name)
  if not list or string.find(list, '^%s*null%s*$') then list = '[]' end
  local body = string.match(list, '^%s*%[(.*)%]%s*$')
  if not body then return nil, 'NOTLIST' end
  if string.match(body, '^%s*$') then
    list = '[' .. elements .. ']'
  else
    list = '[' .. body .. ',' .. elements .. ']'
  end
  if #list > tonumber(ARGV[8]) then return nil, 'TOOLARGE' end
  return list
end

local number = 0
while at <= last do
  number = number + 1
  local kind, name, a, b, c = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local result, status
  if kind == 'set' then
    change(name, a, 'none')
    at = at + 3
  elseif kind == 'setfor' then
    change(name, a, b)
    at = at + 4
  elseif kind == 'replace' then
    change(name, a, 'keep')
    at = at + 3
  elseif kind == 'clear' then
    change(name, false, 'none')
    clears = true
    at = at + 2
  elseif kind == 'rename' then
    local text = current(a)
    if text then
      if not current(name) then
        moved[name] = a
        change(name, text, 'keep')
      end
      change(a, false, 'none')
      clears = true
    end
    at = at + 3
  elseif kind == 'requirefield' then
    local stored = redis.call('HGET', KEYS[1], name)
    if (a == '1') ~= (stored ~= false) or stored and stored ~= b then return redis.status_reply('CHANGED') end
    at = at + 4
  elseif kind == 'requirerecord' then
    if (name == '1') ~= (redis.call('EXISTS', KEYS[1]) == 1) then return redis.status_reply('CHANGED') end
    at = at + 2
  elseif kind == 'requirecount' then
    if count_fields() ~= tonumber(name) then return redis.status_reply('CHANGED') end
    at = at + 2
  else
    if kind == 'addinteger' then
      result, status = add_integer(name, a, b, c)
      at = at + 5
    elseif kind == 'addfloat' then
      result, status = add_float(name, a)
      at = at + 3
    elseif kind == 'addfloatwithin' then
      result, status = add_float(name, a, b, c)
      at = at + 5
    else
      result, status = append(name, a)
      at = at + 3
    end
    if not result then
      local stored = status == 'OVERFLOW' and ' ' .. (current(name) or '') or ''
      return redis.status_reply(status .. ' ' .. number .. stored)
    end
    change(name, result, 'keep')
  end
end

-- Returns what stands in an index for the number that a field will have.
local function number_body(name, field)
  local text = current(field)
  if not text then return '' end
  local sort
  if string.sub(name, 1, 1) == 'f' then sort = sort_float(parse_float(text)) else sort = sort_number(text) end
  return with_length(text) .. with_length(sort)
end
local held = prepare_index and prepare_index(number_body)
if held then return held end

-- HSET removes the lifetime of a field, so those to keep are read before it.
local expire_at = {}
for name, ms in pairs(lifetime) do
  if ms == 'keep' then
    local moment = redis.call('HPEXPIRETIME', KEYS[1], 'FIELDS', 1, moved[name] or name)
    expire_at[name] = moment and moment[1] > 0 and string.format('%.0f', moment[1]) or nil
  end
end

increment_version()
local set, clear = changed, {}
if clears then
  set = {}
  for i = 1, #changed, 2 do
    if changed[i + 1] then
      set[#set + 1], set[#set + 2] = changed[i], changed[i + 1]
    else
      clear[#clear + 1] = changed[i]
    end
  end
end
if #set == 0 then add_reserved() end
local added = 0
for i = 1, #set, 1000 do
  added = added + redis.call('HSET', KEYS[1], unpack(set, i, math.min(i + 999, #set)))
end
for _, name in ipairs(clear) do redis.call('HDEL', KEYS[1], name) end
if #set == 0 or added > 0 then remove_reserved() end
for name, ms in pairs(lifetime) do
  if expire_at[name] then
    redis.call('HPEXPIREAT', KEYS[1], expire_at[name], 'FIELDS', 1, name)
  elseif tonumber(ms) then
    redis.call('HPEXPIRE', KEYS[1], ms, 'FIELDS', 1, name)
  end
end
renew()
if write_index then write_index() end

if n < 0 then return redis.call('HGETALL', KEYS[1]) end
if n > 0 then return redis.call('HMGET', KEYS[1], unpack(ARGV, 10, 9 + n)) end
return 1
