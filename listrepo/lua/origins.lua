-- The functions of the scripts that link items to the calls that pushed them, for
-- pools with a pool.Propagator. The origin of a push waits beside the queue by
-- the positions of its items, which age counts. The claim that first delivers an
-- item moves its origin to claimed-origins, where further deliveries find it by
-- the token in the item's id.
--
--   %origins          sorted set: '<first> <origin>' of each push, by the
--                     position of its last item; first is the one before its
--                     first item
--   %claimed-origins  hash, by the token of a claim: how many items that it
--                     delivered first are not done, and a line for each push,
--                     '<first place>-<last place> <origin>'
--
-- They live for a day at most, and a refusal by the server changes nothing else.
local day = 86400000

-- mostOrigins is the most pushes of a claim whose origins are kept.
local mostOrigins = 32

-- takeEnded takes its result off the end of ARGV: how many items the call ends,
-- by the token of their first claim.
local function takeEnded()
  local ended = {}
  for _ = 1, tonumber(table.remove(ARGV)) do
    local count = tonumber(table.remove(ARGV))
    ended[table.remove(ARGV)] = count
  end
  return ended
end

-- dropOrigins removes the origins of items that are done.
local function dropOrigins(tail, ended)
  local key = '%claimed-origins' .. tail
  for token, count in pairs(ended) do
    local text = redis.pcall('HGET', key, token)
    local left, lines = string.match(type(text) == 'string' and text or '', '^(%d+)(\n.*)$')
    if left and tonumber(left) <= count then
      redis.pcall('HDEL', key, token)
    elseif left then
      redis.pcall('HSET', key, token, string.format('%d', left - count) .. lines)
    end
  end
end
