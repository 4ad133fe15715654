-- The first part of claim.lua, with the same KEYS, ARGV and result. It handles
-- the usual claim: of a queue without order and lifetime, whose items were never
-- delivered before. It stands in front of all functions, since a call makes
-- every function anew that it passes.
--
-- It leaves every other claim to claim.lua before it writes anything. If a key
-- of the schedule holds another type, claimed is the result of the claim, and
-- claim.lua does the rest.
--
-- A server whose memory is full refuses the first write of a script if the
-- command can grow, and no later write. So the first write is one that cannot.
local claimed
local length = redis.call('LLEN', KEYS[1])
if length > 0 and ARGV[2] == '0' and ARGV[3] == '' and ARGV[10] == '' then
  local tail, clock = string.sub(KEYS[2], #'%claim-' + #ARGV[5] + 1), redis.call('TIME')
  local birth, due = clock[1] .. string.sub('00000' .. clock[2], -6), '%due' .. tail
  local now, first = tonumber(string.sub(birth, 1, -4)), nil
  local others = redis.call('EXISTS', due, '%again' .. tail, '%back' .. tail, '%order' .. tail, '%delayed' .. tail)
  if others == 1 then first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES') end
  -- Only claims are beside the queue, and no lease has expired.
  if others == 0 or first and (tonumber(first[2]) or 0) > now then
    local n, result = tonumber(ARGV[6]), {birth .. '-' .. ARGV[5], 0, false}
    local returnsItems = n <= 8
    if ARGV[9] ~= '' then
      redis.call('ZREM', due, ARGV[9])
      local token = string.match(ARGV[9], '^%d+%-(%w+)')
      result[2] = redis.call('UNLINK', '%claim-' .. token .. tail, '%done-' .. token .. tail)
    end

    if length <= n then
      n = length
      redis.call('RENAME', KEYS[1], KEYS[2])
      redis.call('PERSIST', KEYS[2])
      if returnsItems then
        for i, item in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do result[3 + i] = item end
      end
    else
      redis.call('PERSIST', KEYS[1])
      -- SORT copies a part of a list with one command. For a small part, or if
      -- the server refuses SORT, LMOVE moves the items one by one.
      local copied = not returnsItems and redis.pcall('SORT', KEYS[1], 'BY', 'nosort', 'LIMIT', 0, n, 'STORE', KEYS[2])
      if type(copied) == 'number' then
        redis.call('LTRIM', KEYS[1], n, -1)
      else
        for i = 1, n do
          local item = redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')
          if returnsItems then result[3 + i] = item end
        end
      end
    end
    local at = string.format('%d', now + ARGV[7])
    if first and redis.call('PERSIST', due) == 1 then result[3] = {0, 0, '', -1, 0, 0} end
    redis.call('ZADD', due, at, result[1])
    if not KEYS[3] then return result end

    -- The queue is ready now, or when the first lease ends. Its tenant's time
    -- is not too late if that of the queue is not.
    local age, service = '%age' .. tail, string.sub(KEYS[3], #'%tenants' + 1)
    local queues, done = '%queues' .. service .. ':' .. ARGV[12], redis.pcall('ZINCRBY', age, n, 'taken')
    if type(done) == 'string' then
      if n < length then
        at = string.sub(birth, 1, -4) .. '.' .. string.sub(birth, -3)
        done = redis.pcall('ZADD', queues, 'LT', 'CH', at, ARGV[11])
        if done == 0 then return result end
      else
        redis.call('PEXPIRE', age, string.format('%d', ARGV[7] + 3600000))
        if first then at = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2] end
        done = redis.pcall('ZADD', queues, at, ARGV[11])
      end
    end
    if type(done) == 'number' then done = redis.pcall('ZADD', KEYS[3], 'LT', 'CH', at, ARGV[12]) end
    if done == 1 and tonumber(at) - now < 1000 and redis.call('ZRANGE', KEYS[3], 0, 0)[1] == ARGV[12] then
      redis.pcall('PUBLISH', '%wake' .. service, string.format('%d', math.max(at - now, 0)))
    end
    if type(done) == 'number' then return result end
    claimed = result
  end
end
