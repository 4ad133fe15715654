-- look: finds out when actions have work, and claims none.
--
-- KEYS     of each action: due, active, dead
--
-- Result: the server's clock in microseconds; then for each action the time of
-- the next entry of due or active in milliseconds, -1 if there is none, and the
-- numbers of pending triggers and of dead letters. The time is 0 if a key holds
-- another type, which a claim reports.
local out = {int(clock())}

-- Returns the size of a sorted set, 0 if the key holds another type.
local function size(key)
  local n = redis.pcall('ZCARD', key)
  return type(n) == 'number' and n or 0
end

for i = 1, #KEYS, 3 do
  local first = -1
  for k = i, i + 1 do
    local head = redis.pcall('ZRANGE', KEYS[k], 0, 0, 'WITHSCORES')
    local at = head[2] and (tonumber(head[2]) or 0)
    if head['err'] then at = 0 end
    if at and at <= latest and (first < 0 or at < first) then first = math.max(at, 0) end
  end
  out[#out + 1], out[#out + 2], out[#out + 3] = int(first), size(KEYS[i]), size(KEYS[i + 2])
end
return out
