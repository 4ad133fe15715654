-- The list and the indexes of a space: functions for the scripts that write,
-- read and sweep them. docs/bytes.md describes the keys and their content.
--
-- An id is written here as in the key of its record. An item is what is in one
-- index for an id; its body is the text of the field and the sort texts that
-- stand for it in the index. An item is stale if the record is gone or the
-- field has another text now, because the record expired or because another
-- program changed it.

local prefix, suffix -- of the keys of records
local spaces_key     -- the spaces of the group, by the time of the next look
local ids_key, checks_key, entries_key, moved_key, tail

-- Selects the space whose list is ids, with what precedes and follows an id in
-- the keys of its records.
local function enter_space(ids, before, after)
  ids_key, prefix, suffix, tail = ids, before, after, string.sub(ids, 5)
  checks_key, entries_key, moved_key = '%checks' .. tail, '%entries' .. tail, '%moved' .. tail
end

-- Returns the name of the space in its group.
local function space_reference() return #prefix .. ':' .. prefix .. #suffix .. ':' .. suffix .. ids_key end

local function index_key(name) return '%index' .. tail .. ':' .. name end
local function record_key(id) return prefix .. id .. suffix end

local clock -- the server's time in milliseconds, once it was asked for
local function now()
  if not clock then
    local time = redis.call('TIME')
    clock = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return clock
end

-- Returns the string that begins with its length at a position, and the
-- position after it. Returns nothing if there is none, since the library did not
-- write the text.
local function take(text, at)
  local _, colon, length = string.find(text, '^(%d+):', at)
  local last = colon and #length < 16 and colon + tonumber(length, 10)
  if last and last <= #text then return string.sub(text, colon + 1, last), last + 1 end
end

local function with_length(text) return #text .. ':' .. text end

-- Returns the bodies of an id's items by the name of the index, the names in
-- order, and the text that holds all of them, which is false if there is none.
-- The text is read, unless it is given. What follows an item that the library
-- did not write is left out.
local function items_of(id, remembered)
  if remembered == nil then remembered = redis.call('HGET', entries_key, id) end
  local items, names, at = {}, {}, 1
  while remembered and at <= #remembered do
    local item, name, body
    item, at = take(remembered, at)
    if item then name, body = take(item, 1) end
    if not name then break end
    names[#names + 1], items[name] = name, string.sub(item, body)
  end
  return items, names, remembered
end

-- Reports whether the text that holds items has one with its length.
local function has_item(remembered, item)
  local at = 1
  while at <= #remembered do
    if string.sub(remembered, at, at + #item - 1) == item then return true end
    local _, colon, length = string.find(remembered, '^(%d+):', at)
    if not colon or #length > 15 then return false end
    at = colon + 1 + tonumber(length, 10)
  end
  return false
end

-- Returns the text that holds items, in the order of their names.
local function format_items(items, names)
  local texts = {}
  for _, name in ipairs(names) do
    local body = items[name]
    if body and body ~= '' then texts[#texts + 1] = with_length(with_length(name) .. body) end
  end
  return table.concat(texts)
end

-- Writes the items of an id.
local function remember(id, items, names)
  local text = format_items(items, names)
  if text ~= '' then
    redis.call('HSET', entries_key, id, text)
  else
    redis.call('HDEL', entries_key, id)
  end
end

-- Returns the text of the field and the sort texts of a body. A body without a
-- text of its own begins with '=': the text is the only sort text.
local function parse_body(body)
  local text, sorts, at = nil, {}, 1
  if body == '' then return nil, sorts end
  if string.sub(body, 1, 1) == '=' then at = 2 else text, at = take(body, 1) end
  while at and at <= #body do sorts[#sorts + 1], at = take(body, at) end
  return text or sorts[1], sorts
end

-- Replaces the members of an id in an index. A member that stays is not
-- touched, so that its position is never empty.
local function replace_members(name, id, old, new)
  local _, before = parse_body(old)
  local _, after = parse_body(new)
  local key, tail = index_key(name), '\0' .. id
  if #before < 2 and #after < 2 then
    if before[1] == after[1] then return end
    if before[1] then redis.call('ZREM', key, before[1] .. tail) end
    if after[1] then redis.call('ZADD', key, 0, after[1] .. tail) end
    return
  end
  local stays = {}
  for _, sort in ipairs(after) do stays[sort] = true end
  for _, sort in ipairs(before) do
    if stays[sort] then
      stays[sort] = false
    else
      redis.call('ZREM', key, sort .. tail)
    end
  end
  for _, sort in ipairs(after) do
    if stays[sort] then redis.call('ZADD', key, 0, sort .. tail) end
  end
end

-- Removes an id from the list and from every index.
local function drop(id)
  local items, names, remembered = items_of(id)
  for _, name in ipairs(names) do replace_members(name, id, items[name], '') end
  if remembered then redis.call('HDEL', entries_key, id) end
  redis.call('ZREM', checks_key, id)
  if redis.call('ZREM', ids_key, id) == 1 and redis.call('EXISTS', ids_key) == 0 then
    redis.call('ZREM', spaces_key, space_reference())
    redis.call('UNLINK', moved_key)
  end
end

-- Runs a command that reads a record. Returns nil if its key holds another type.
-- Other errors are raised: while a slot moves to another node of a cluster, a
-- record that is not here may still exist.
local function read_record(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply['err'] then return reply end
  if not string.find(reply['err'], 'WRONGTYPE', 1, true) then redis.call(command, key, ...) end -- raises the error
end

-- Returns the time of the next look at a record that exists: when it expires, or
-- in a day, because another program may remove it.
local function next_look(key)
  local expires = redis.call('PEXPIRETIME', key)
  if expires > 0 then return expires end
  if expires == -2 then return now() end -- PEXPIRE removes a key whose time is over
  return now() + 86400000
end

-- Looks at the record of an id. If it is gone, look drops the id and returns
-- true. Otherwise it sets the time of the next look, or leaves it as it is if the
-- record may be on another node of a cluster.
local function look(id)
  local key = record_key(id)
  local kind = redis.pcall('TYPE', key)
  if kind['err'] then return false end
  if kind['ok'] ~= 'hash' then
    drop(id)
    return true
  end
  redis.call('ZADD', checks_key, next_look(key), id)
  return false
end

-- Looks at up to n ids whose time has come. Returns how many there were and how
-- many of them it dropped.
local function look_at_due(n)
  local due, dropped = redis.call('ZRANGEBYSCORE', checks_key, '-inf', now(), 'LIMIT', 0, n), 0
  for _, id in ipairs(due) do
    if look(id) then dropped = dropped + 1 end
  end
  return #due, dropped
end

-- Registers the space in its group by the time of its next look, or removes it
-- from there if it has none.
local function register_space()
  local first = redis.call('ZRANGE', checks_key, 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', spaces_key, first[2], space_reference())
  else
    redis.call('ZREM', spaces_key, space_reference())
  end
end

-- Looks at up to n ids whose time has come, in the spaces of the group, the most
-- overdue space first. Returns how many there were and how many of them it
-- dropped. A space without such an id counts as one.
local function look_at_group(n)
  local ids, before, after = ids_key, prefix, suffix
  local looked, dropped = 0, 0
  while looked < n do
    local space = redis.call('ZRANGEBYSCORE', spaces_key, '-inf', now(), 'LIMIT', 0, 1)[1]
    if not space then break end
    local other_before, other_after, at
    other_before, at = take(space, 1)
    if at then other_after, at = take(space, at) end
    if at then enter_space(string.sub(space, at), other_before, other_after) end
    local done, found, gone = false, 0, 0
    if not at or space ~= space_reference() or string.sub(ids_key, 1, 4) ~= '%ids' then
      redis.call('ZREM', spaces_key, space) -- the library did not write it
    else
      done, found, gone = pcall(look_at_due, n - looked)
      done = done and pcall(register_space)
      -- A key of the space has another type, or is on another node.
      if not done then redis.call('ZADD', spaces_key, now() + 60000, space) end
    end
    looked, dropped = looked + math.max(done and found or 1, 1), dropped + (done and gone or 0)
  end
  enter_space(ids, before, after)
  return looked, dropped
end

-- Returns up to n ids of the list, in order, after an id; '' is before the first.
-- The result's field next is the id after which the next page begins, or '' if
-- there is none.
local function page_of_ids(after, n)
  local page = redis.call('ZRANGEBYLEX', ids_key, after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, n)
  page.next = #page == tonumber(n, 10) and page[#page] or ''
  return page
end

-- Returns the text of a record's field. fields are its name and the names that
-- it had before, each with its length. Returns nothing if there is none.
local function text_of(id, fields)
  local at = 1
  while at <= #fields do
    local name
    name, at = take(fields, at)
    local text = read_record('HGET', record_key(id), name)
    if text then return text end
  end
end

-- Reports whether what is in an index for an id stands for the record as it is.
local function is_fresh(name, id, fields)
  local body = items_of(id)[name]
  local text = body and parse_body(body)
  return text and text == text_of(id, fields)
end

-- Removes a member of an index that is stale, and the item that it belongs to.
-- If the record is gone, its id is dropped. The member is removed also if no
-- item is remembered for it, because somebody deleted a key by hand.
local function remove_stale(name, member, id)
  local dropped = look(id)
  redis.call('ZREM', index_key(name), member)
  if dropped then return end
  local items, names = items_of(id)
  if not items[name] then return end
  replace_members(name, id, items[name], '')
  items[name] = nil
  remember(id, items, names)
end

-- Returns the id of a record other than id that has a sort text of the body, or
-- nothing. Stale items of other records are removed.
local function holder_of(id, name, body, fields)
  local _, sorts = parse_body(body)
  for _, sort in ipairs(sorts) do
    local members
    repeat
      members = redis.call('ZRANGEBYLEX', index_key(name), '[' .. sort .. '\0', '(' .. sort .. '\1', 'LIMIT', 0, 10)
      for _, member in ipairs(members) do
        local other = string.sub(member, #sort + 2)
        if other ~= id then
          if is_fresh(name, other, fields) then return other end
          remove_stale(name, member, other)
        end
      end
    until #members < 10
  end
end
