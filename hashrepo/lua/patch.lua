-- Changes fields of a record: all of the changes, or none where one of them is
-- impossible.
--
-- KEYS[1]  the record
-- ARGV[8]  most bytes that a field may hold then
-- ARGV[9]  number of fields to read back, n, or '-1' for all
-- ARGV[10 .. 9+n]  their names
-- ARGV[10+n ..]    changes, one behind the other:
--   set    field text        the field holds text, and no lifetime of its own
--   for    field text ms     the field holds text, for so many milliseconds
--   put    field text        the field holds text, and keeps its lifetime
--   clear  field             the field is not there
--   int    field by least greatest   adds decimal integers of up to 64 bits
--   float  field by          adds float64 numbers
--   list   field elements    appends JSON elements, with commas between
--   was    field there text  nothing changes unless the field held text
--                            (there: '1'), or was not there ('')
--   found  there             nothing changes unless the record was there
--                            ('1'), or was not ('')
--   size   n                 nothing changes unless it had so many fields
-- Result: what HMGET, or HGETALL, answers for the fields to read back; 1
-- where there are none. Where nothing changed: the status CHANGED, or
-- OVERFLOW, NOTNUMBER, NOTLIST or TOOLARGE with the number of the change.
local n = tonumber(ARGV[9])
local at, last = 10 + math.max(n, 0), #ARGV

local new = {}   -- name, text, name, text ... of the fields that change; false for no text
local place = {} -- where each of them is in new
local life = {}  -- milliseconds, 'none' or 'keep', for each of them
local cleared = false

local function held(name)
  if place[name] then return new[place[name] + 1] end
  return redis.call('HGET', KEYS[1], name)
end

local function hold(name, text, ms)
  local i = place[name]
  if not i then
    i = #new + 1
    place[name], new[i] = i, name
  end
  new[i + 1] = text
  if lifetimes and (ms ~= 'keep' or not life[name]) then life[name] = ms end
end

-- tonumber: the embedded server's Lua wants a base for integers, and a point
-- in other numbers.

-- 64 bits are more than Lua's numbers hold: an integer is high * 1e10 + low
-- here, with 0 <= low < 1e10.
local function integer(digits)
  local sign
  sign, digits = string.match(digits, '^(%-?)(%d+)$')
  if not digits or #digits > 20 or #digits > 1 and string.sub(digits, 1, 1) == '0' then return end
  local high, low = tonumber(string.sub(digits, 1, -11), 10) or 0, tonumber(string.sub(digits, -10), 10)
  if sign == '' then return high, low end
  if low == 0 then return -high, 0 end
  return -high - 1, 1e10 - low
end

local function decimal(high, low)
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

-- add gives the sum in decimal, or the status of what is wrong. Up to fifteen
-- characters a sum is exact in Lua's own numbers.
local function add(name, by, least, greatest)
  local now = held(name) or '0'
  if #now <= 15 and #by <= 15 and (now == '0' or string.find(now, '^%-?[1-9]%d*$')) then
    local sum = tonumber(now, 10) + tonumber(by, 10)
    if sum < tonumber(least .. '.0') or sum > tonumber(greatest .. '.0') then return nil, 'OVERFLOW' end
    return string.format('%.0f', sum)
  end
  local high, low = integer(now)
  if not high then return nil, 'NOTNUMBER' end
  local high2, low2 = integer(by)
  high, low = high + high2, low + low2
  if low >= 1e10 then high, low = high + 1, low - 1e10 end
  local lh, ll = integer(least)
  local gh, gl = integer(greatest)
  if less(high, low, lh, ll) or less(gh, gl, high, low) then return nil, 'OVERFLOW' end
  return decimal(high, low)
end

local words = { inf = 1 / 0, Inf = 1 / 0, Infinity = 1 / 0, nan = 0 / 0, NaN = 0 / 0 }

local function float(spelled)
  local sign, word = string.match(spelled, '^([%+%-]?)(%a+)$')
  if word then
    local value = words[word]
    if sign == '+' and value ~= 1 / 0 then return end
    return value and sign == '-' and -value or value
  end
  local whole, rest = string.match(spelled, '^%-?(%d+)(.*)$')
  if not whole or #whole > 1 and string.sub(whole, 1, 1) == '0' then return end
  local exponent = string.match(rest, '^%.%d+(.*)$') or rest
  if exponent ~= '' and not string.find(exponent, '^[eE][%+%-]?%d+$') then return end
  if string.sub(rest, 1, 1) ~= '.' then rest = '.0' .. rest end
  local value = tonumber(string.match(spelled, '^%-?') .. whole .. rest)
  if value and value - value == 0 then return value end
end

-- above is scientific text of 16 digits with the last one raised. A power of two
-- is nearer to the number below it, so that its 16 digits may be those.
local function above(scientific)
  local sign, lead, rest, exponent = string.match(scientific, '^(%-?)(%d)%.(%d+)(e.+)$')
  local high, low = tonumber(lead .. string.sub(rest, 1, 7), 10), tonumber(string.sub(rest, 8), 10) + 1
  if low == 1e8 then high, low = high + 1, 0 end
  local digits = string.format('%08.0f%08.0f', high, low)
  return sign .. string.sub(digits, 1, 1) .. '.' .. string.sub(digits, 2) .. exponent
end

-- spell writes the fewest digits that read back as x, the way Python does.
local function spell(x)
  if x ~= x then return 'NaN' end
  if x == 1 / 0 then return 'Infinity' end
  if x == -1 / 0 then return '-Infinity' end
  local scientific
  local fewest = math.abs(x) < 2.3e-308 and 0 or 14 -- fifteen digits are exact, but for subnormal numbers
  for digits = fewest, 16 do
    scientific = string.format('%#.' .. digits .. 'e', x)
    if tonumber(scientific) == x then break end
    if digits == 15 and tonumber(above(scientific)) == x then
      scientific = above(scientific)
      break
    end
  end
  local sign, lead, rest, exponent = string.match(scientific, '^(%-?)(%d)%.?(%d-)0*e(.+)$')
  local e = tonumber(exponent)
  if e < -4 or e >= 16 then
    if rest ~= '' then lead = lead .. '.' end
    return sign .. lead .. rest .. 'e' .. exponent
  end
  local digits = lead .. rest
  if e < 0 then return sign .. '0.' .. string.rep('0', -e - 1) .. digits end
  digits = digits .. string.rep('0', e + 2 - #digits)
  return sign .. string.sub(digits, 1, e + 1) .. '.' .. string.sub(digits, e + 2)
end

local function sum(name, by)
  local x = float(held(name) or '0')
  if not x then return nil, 'NOTNUMBER' end
  local y = float(by)
  local total = x + y
  local infinite = total - total ~= 0
  if infinite and x - x == 0 and y - y == 0 then return nil, 'OVERFLOW' end
  return spell(total)
end

local function append(name, elements)
  local list = held(name)
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

local change = 0
while at <= last do
  change = change + 1
  local kind, name, a, b, c = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local result, status
  if kind == 'set' then
    hold(name, a, 'none')
    at = at + 3
  elseif kind == 'for' then
    hold(name, a, b)
    at = at + 4
  elseif kind == 'put' then
    hold(name, a, 'keep')
    at = at + 3
  elseif kind == 'clear' then
    hold(name, false, 'none')
    cleared = true
    at = at + 2
  elseif kind == 'was' then
    local now = redis.call('HGET', KEYS[1], name)
    if (a == '1') ~= (now ~= false) or now and now ~= b then return redis.status_reply('CHANGED') end
    at = at + 4
  elseif kind == 'found' then
    if (name == '1') ~= (redis.call('EXISTS', KEYS[1]) == 1) then return redis.status_reply('CHANGED') end
    at = at + 2
  elseif kind == 'size' then
    if count() ~= tonumber(name) then return redis.status_reply('CHANGED') end
    at = at + 2
  else
    if kind == 'int' then
      result, status = add(name, a, b, c)
      at = at + 5
    elseif kind == 'float' then
      result, status = sum(name, a)
      at = at + 3
    else
      result, status = append(name, a)
      at = at + 3
    end
    if not result then return redis.status_reply(status .. ' ' .. change) end
    hold(name, result, 'keep')
  end
end

local ends = {} -- the lifetimes to keep, which HSET takes away
for name, ms in pairs(life) do
  if ms == 'keep' then
    local moment = redis.call('HPEXPIRETIME', KEYS[1], 'FIELDS', 1, name)
    ends[name] = moment and moment[1] > 0 and string.format('%.0f', moment[1]) or nil
  end
end

bump()
local set, clear = new, {}
if cleared then
  set = {}
  for i = 1, #new, 2 do
    if new[i + 1] then
      set[#set + 1], set[#set + 2] = new[i], new[i + 1]
    else
      clear[#clear + 1] = new[i]
    end
  end
end
if #set == 0 then reserve() end
local added = 0
for i = 1, #set, 1000 do
  added = added + redis.call('HSET', KEYS[1], unpack(set, i, math.min(i + 999, #set)))
end
for _, name in ipairs(clear) do redis.call('HDEL', KEYS[1], name) end
if #set == 0 or added > 0 then settle() end
for name, ms in pairs(life) do
  if ends[name] then
    redis.call('HPEXPIREAT', KEYS[1], ends[name], 'FIELDS', 1, name)
  elseif tonumber(ms) then
    redis.call('HPEXPIRE', KEYS[1], ms, 'FIELDS', 1, name)
  end
end
renew()

if n < 0 then return redis.call('HGETALL', KEYS[1]) end
if n > 0 then return redis.call('HMGET', KEYS[1], unpack(ARGV, 10, 9 + n)) end
return 1
