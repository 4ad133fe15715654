-- Does what claim.lua says if there is a backlog, no firing is to be delivered
-- again, and no other client changed the triggers that are due. It needs the
-- variables of claim_fast.lua and backlog.lua.
if isUsual and type(redis.pcall('ZCARD', tenants)) == 'number' and redis.pcall('HEXISTS', backlog, 'due') == 1 and readBacklog(true, true) then
  local names, ready, taken, isTurn = redis.call('ZRANGE', tenants, 0, limit), {}, {}, true
  local left = #names > limit
  names[limit + 1] = nil
  for i, tenant in ipairs(names) do
    local share = math.ceil((limit - #ready / 2) / (#names - i + 1))
    local members = redis.pcall('ZRANGE', readyKey(due, tenant), 0, share, 'WITHSCORES')
    if members.err or #members == 0 then isTurn = false break end
    local names = {}
    for k = 1, math.min(#members, 2 * share), 2 do
      if string.sub(members[k], 1, 1) ~= 't' then isTurn = false end
      names[#names + 1], ready[#ready + 1], ready[#ready + 2] = members[k], string.sub(members[k], 2), members[k + 1]
    end
    taken[i] = {names, #members <= 2 * share}
  end
  local result, claimed = nil, 0
  if isTurn and #ready > 0 then result, claimed = claimUsual(ready) end
  if result then
    for i, tenant in ipairs(names) do
      local done, isEmpty = unpack(taken[i])
      for k = #done, claimed + 1, -1 do done[k], isEmpty = nil, false end
      claimed, left = claimed - #done, left or not isEmpty
      if #done > 0 then
        redis.call('ZREM', readyKey(due, tenant), unpack(done))
        if isEmpty then
          redis.call('ZREM', tenants, tenant)
        else
          redis.call('ZADD', tenants, nextTurn(), tenant)
        end
      end
    end
    if not left then redis.call('DEL', backlog) end
    return result
  end
end
