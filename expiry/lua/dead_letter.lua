-- deadLetter: makes dead letters of claimed firings that the caller cannot
-- read, if their status is still the one that the caller received. Whether
-- others wait does not matter.
--
-- KEYS[1]  active
-- KEYS[2]  status
-- KEYS[3]  dead
-- KEYS[4]  due
-- ARGV     triples of member, status and error text
--
-- Result: how many became dead letters. If dead holds another type, they wait.
local err = wrongType(KEYS[1], 'ZCARD') or wrongType(KEYS[2], 'HLEN')
if err then return err end
local usable = not wrongType(KEYS[3], 'ZCARD')
local now = math.floor(clock() / 1000)
local died = 0

local function withoutFlag(status) return string.gsub(status, '^(%d+ %d+ %d+ [012])%+ ', '%1 ') end

for i = 1, #ARGV, 3 do
  local status = redis.call('HGET', KEYS[2], ARGV[i])
  if status and withoutFlag(status) == withoutFlag(ARGV[i + 1]) then
    local attempts, failures, expirations, _, _, awaited = parseStatus(status)
    if usable then
      redis.call('ZREM', KEYS[1], ARGV[i])
      redis.call('HSET', KEYS[2], ARGV[i], formatStatus(attempts, failures + 1, expirations, '2', ARGV[i + 2]))
      redis.call('ZADD', KEYS[3], int(now), ARGV[i])
      endTurn(KEYS[4], KEYS[1], KEYS[2], KEYS[3], ARGV[i], awaited, now)
      died = died + 1
    else
      redis.call('ZADD', KEYS[1], int(now + 1000), ARGV[i])
    end
  end
end
return died
