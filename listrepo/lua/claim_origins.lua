-- Claim and Next for pools with a pool.Propagator. It follows the function claim,
-- which is claim.lua, and origins.lua, which describes the keys.
--
-- KEYS     those of claim.lua
-- ARGV     those of claim.lua, and then what takeEnded takes for the claim to end
-- Result: {result of claim.lua, {origin ...}}: the origins of the claimed items
-- without repetition, in the order of the items, at most mostOrigins of them.
local ended = takeEnded()
local tail = string.sub(KEYS[2], #'%claim-' + #ARGV[5] + 1)
local origins, claimedOrigins = '%origins' .. tail, '%claimed-origins' .. tail

local function taken() return tonumber(redis.pcall('ZSCORE', '%age' .. tail, 'taken')) or 0 end
local before = taken()
local reply = claim()
if type(reply) ~= 'table' or reply.err or reply.ok then return reply end
if reply[2] > 0 then dropOrigins(tail, ended) end
local header = reply[1]
if header == '' or header == 'busy' then return {reply, {}} end

-- The item at a position has the place of the position plus offset.
local after, held = taken(), redis.call('LLEN', KEYS[2])
local offset = held - after
local lines, found = {}, {}
local waiting = redis.pcall('ZRANGEBYSCORE', origins, string.format('(%.0f', before), '+inf', 'WITHSCORES', 'LIMIT', 0, mostOrigins)
for i = 1, #waiting, 2 do
  local digits, origin = string.match(waiting[i], '^(-?%d+) (.*)$')
  local first, last = tonumber(digits), tonumber(waiting[i + 1])
  if first and first < after and after - before <= held then
    local from = math.max(first, before) + 1 + offset
    lines[#lines + 1] = string.format('\n%d-%d ', from, math.min(last, after) + offset) .. origin
    found[#found + 1] = {from, origin}
    if last > after then -- some items of the push stay in the list
      redis.pcall('ZREM', origins, waiting[i])
      redis.pcall('ZADD', origins, last, string.format('%.0f ', after) .. origin)
    end
  end
end
local over = redis.pcall('ZCOUNT', origins, '-inf', string.format('%.0f', after))
if type(over) == 'number' and over > 0 then redis.pcall('ZREMRANGEBYRANK', origins, 0, over - 1) end

-- Items that were delivered before have the origins that their first claim
-- found.
local new, byToken = held, {}
for place, id in string.gmatch(header, ' (%d+)=([^=%s]+)=') do
  new = new - 1
  local token, firstPlace = string.match(id, '^%d+%-(%w+)%-(%d+)$')
  if token and #found < 10 * mostOrigins then
    byToken[token] = byToken[token] or redis.pcall('HGET', claimedOrigins, token) or ''
    for from, to, origin in string.gmatch(type(byToken[token]) == 'string' and byToken[token] or '', '\n(%d+)%-(%d+) ([^\n]*)') do
      if tonumber(from) <= tonumber(firstPlace) and tonumber(firstPlace) <= tonumber(to) then
        found[#found + 1] = {tonumber(place), origin}
      end
    end
  end
end
if #lines > 0 and new > 0 then
  local size = redis.pcall('HLEN', claimedOrigins)
  if type(size) == 'number' and size >= 1000 then redis.call('UNLINK', claimedOrigins) end -- those of dead letters stay
  redis.pcall('HSET', claimedOrigins, ARGV[5], new .. table.concat(lines))
  redis.pcall('PEXPIRE', claimedOrigins, day)
end

table.sort(found, function(a, b) return a[1] < b[1] end)
local result, seen = {}, {}
for _, one in ipairs(found) do
  if not seen[one[2]] and #result < mostOrigins then
    seen[one[2]] = true
    result[#result + 1] = one[2]
  end
end
return {reply, result}
