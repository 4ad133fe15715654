-- Finds records through the list or an index of their space. Run by
-- HashRepo.Find, FindOne, Page, Count, All and IDs, after index.lua.
--
-- KEYS[1]   the list of the space
-- KEYS[2]   the spaces of the group
-- ARGV[1]   what precedes the id in the key of a record
-- ARGV[2]   what follows it
-- ARGV[3]   how many records to return at most
-- ARGV[4]   how many members of the list or an index to examine at most
-- ARGV[5]   the path: '' to choose one; 'page' to choose one that has the order
--           of a page; 'list'; the number of a condition whose index is walked;
--           or 'ids' for the ids that follow the other arguments
-- ARGV[6]   the number of the range of that condition
-- ARGV[7]   the member after which the walk begins, or ''; for a page its place
--           in the order
-- ARGV[8]   the time at which the walk began, if records may move within the
--           path while it is walked, else ''
-- ARGV[9]   what to read: 'all' for every field of a record, 'none', or the
--           number of the fields whose names follow
-- Then the number of the conditions, and for each of them:
--   the name of the index over its field, '' if there is none
--   the names of the field, each with its length
--   'walk' if the index can be the path, 'value' if it can and has one value in
--   the range, else ''
--   'text' if the condition is on the stored text, 'absent' if it holds also for
--   an absent field, else ''
--   the number of its ranges, and two texts for each: the first sort text in it,
--   and the first one after it, '' if there is none
--   the number of its texts, and the texts
-- Then, for a page: the name of the index that orders it, '' for the order of
-- the ids; the names of its field; '1' if the order is descending; and the ranges
-- of the index that are left.
-- Then, for 'ids': the ids.
--
-- Result: the path, the number of the range, the last member that was examined,
-- 1 if the walk goes on, the time at which it began or LOST, the ids of the
-- records that moved meanwhile if the walk has ended, and the records: for each
-- its id, its place in the order of a page, and the reply to HMGET or HGETALL.
--
-- A condition on the order of values is decided here if the index has the
-- record's value. The caller checks every condition again.
spaces_key = KEYS[2]
enter_space(KEYS[1], ARGV[1], ARGV[2])

local limit, budget = tonumber(ARGV[3], 10), tonumber(ARGV[4], 10)
local path, range, position, began = ARGV[5], tonumber(ARGV[6], 10), ARGV[7], ARGV[8]
local at = 8 -- the last argument that was taken

local function next_argument()
  at = at + 1
  return ARGV[at]
end
local function next_number() return tonumber(next_argument(), 10) end
local function next_texts(n)
  local texts = {}
  for i = 1, n do texts[i] = next_argument() end
  return texts
end
local function next_ranges()
  local ranges = {}
  for i = 1, next_number() do ranges[i] = next_texts(2) end
  return ranges
end

local what, reads = next_argument(), {}
if what ~= 'all' and what ~= 'none' then reads = next_texts(tonumber(what, 10)) end

local fields = {} -- those that decide about a record

-- Returns what is known about a field whose names are the next argument.
local function next_field(name)
  local text, at_name = next_argument(), 1
  local field = { name = name, names = {}, places = {} }
  while at_name <= #text do field.names[#field.names + 1], at_name = take(text, at_name) end
  fields[#fields + 1] = field
  return field
end

local conditions = {}
for i = 1, next_number() do
  local c = next_field(next_argument())
  c.walk = next_argument()
  local kind = next_argument()
  c.by_text, c.absent = kind ~= '', kind == 'absent'
  c.ranges, c.texts = next_ranges(), {}
  for _, text in ipairs(next_texts(next_number())) do c.texts[text] = true end
  conditions[i] = c
end

local order -- the index that orders a page; nil for the order of the ids
local descending = false
if path == 'page' then
  local name = next_argument()
  if name ~= '' then order = next_field(name) else next_argument() end
  descending = next_argument() == '1'
  local ranges = next_ranges()
  if order then
    order.ranges = ranges
    for _, c in ipairs(conditions) do -- the ranges are within those of this condition
      if c.name == name and #c.ranges > 0 then
        order.decides = c
        break
      end
    end
  end
end

-- Compares bytes. The operator < would compare in the language of the server.
local function less(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local function in_ranges(sorts, ranges)
  for _, sort in ipairs(sorts) do
    for _, r in ipairs(ranges) do
      if not less(sort, r[1]) and (r[2] == '' or less(sort, r[2])) then return true end
    end
  end
  return false
end

-- Returns the text of a field among the values of the names.
local function text_among(values, field)
  for _, place in ipairs(field.places) do
    if values[place] then return values[place] end
  end
end

-- Returns the sort texts that the index of a field has for a record, if its
-- item is not stale.
local function fresh_sorts(field, items, values)
  local body = items[field.name]
  if not body then return nil end
  local text, sorts = parse_body(body)
  if text == text_among(values, field) then return sorts end
end

-- Reports whether an index has a sort text for a record, by an item that is not
-- stale.
local function is_member(field, sort, remembered, values)
  local text = text_among(values, field)
  if not text or not remembered then return false end
  local body = with_length(sort)
  if text == sort then body = '=' .. body else body = with_length(text) .. body end
  if has_item(remembered, with_length(with_length(field.name) .. body)) then return true end
  for _, other in ipairs(fresh_sorts(field, items_of(nil, remembered), values) or {}) do
    if other == sort then return true end
  end
  return false
end

-- Reports whether a condition may hold for a record.
local function may_hold(c, id, remembered, values)
  local text = text_among(values, c)
  if c.by_text then
    if text then return c.texts[text] end
    return c.absent
  end
  if not text then return false end
  local sorts = c.name ~= '' and fresh_sorts(c, items_of(id, remembered), values)
  return not sorts or in_ranges(sorts, c.ranges)
end

-- The names of the fields to read before it is decided about a record. What is
-- returned is among them, unless several conditions make it likely that most of
-- it is not returned.
local read_together = #reads > 0 and #fields > 0 and #conditions < 2
local names, place_of = read_together and { unpack(reads) } or {}, {}
for i, name in ipairs(names) do place_of[name] = i end
for _, field in ipairs(fields) do
  for i, name in ipairs(field.names) do
    if not place_of[name] then names[#names + 1], place_of[name] = name, #names + 1 end
    field.places[i] = place_of[name]
  end
end

-- Returns the values of the names if the conditions may hold for the record of
-- an id. via is the field whose index has the member, with a sort text, and
-- remembered the text that holds the items of the id; both are nil if the record
-- was not found through an index.
local function examine(id, via, member, sort, remembered)
  if #names == 0 then return {} end
  local values = read_record('HMGET', record_key(id), unpack(names)) or {}
  if via and not is_member(via, sort, remembered, values) then
    pcall(remove_stale, via.name, member, id)
    return
  end
  local decided = via and (via.decides or via)
  for _, c in ipairs(conditions) do
    if (c ~= decided or c.by_text) and not may_hold(c, id, remembered, values) then return end
  end
  return values
end

-- Returns the record of an id as it is read, or nil if it is gone. values are
-- those of the names.
local function read(id, values)
  local key, reply = record_key(id), nil
  if what == 'all' then
    reply = read_record('HGETALL', key)
    if reply and #reply > 0 then return reply end
  else
    if read_together then
      reply = #names == #reads and values or { unpack(values, 1, #reads) }
    else
      reply = #reads > 0 and read_record('HMGET', key, unpack(reads)) or {}
    end
    for i = 1, #reads do
      if reply[i] then return reply end
    end
    local kind = redis.call('TYPE', key)
    if kind['ok'] == 'hash' then return reply end
  end
  pcall(look, id)
end

local records = {}
local function add(id, place, values)
  local reply = read(id, values)
  if reply then records[#records + 1] = { id, place, reply } end
end

-- Returns the ids and the sort texts of members of an index. A member that the
-- library did not write has an empty id, and no record has that.
local function parse_members(members)
  local ids, sorts = {}, {}
  for i, member in ipairs(members) do
    local zero = string.find(member, '\0', 1, true) or #member + 1
    ids[i], sorts[i] = string.sub(member, zero + 1), string.sub(member, 1, zero - 1)
  end
  return ids, sorts
end

local function first_bound(text) if text == '' then return '-' else return '[' .. text end end
local function last_bound(text) if text == '' then return '+' else return '(' .. text end end

-- Walks ranges of the index of a field from the position on, or of the list if
-- field is nil, in batches that grow. It calls visit for each record for which
-- the conditions may hold, with its id, the member, the values of the names and
-- the text that holds its items. Returns true if the walk goes on: there are
-- enough records, or enough members were examined.
local function walk(field, ranges, reverse, visit)
  local key, batch, examined = field and index_key(field.name) or ids_key, math.min(limit, 100), 0
  while range <= #ranges do
    local low, high = first_bound(ranges[range][1]), last_bound(ranges[range][2])
    local n = math.min(batch, budget - examined)
    if n < 1 then return true end
    local members
    if reverse then
      if position ~= '' then high = '(' .. position end
      members = redis.call('ZREVRANGEBYLEX', key, high, low, 'LIMIT', 0, n)
    else
      if position ~= '' then low = '(' .. position end
      members = redis.call('ZRANGEBYLEX', key, low, high, 'LIMIT', 0, n)
    end
    local ids, sorts, remembered = members, {}, {}
    if field and #members > 0 then
      ids, sorts = parse_members(members)
      remembered = redis.call('HMGET', entries_key, unpack(ids))
    end
    for i, member in ipairs(members) do
      position = member
      local values = examine(ids[i], field, member, sorts[i], remembered[i])
      if values then visit(ids[i], member, values, remembered[i]) end
      if #records == limit then return true end
    end
    examined = examined + math.max(#members, 1)
    if #members < n then range, position = range + 1, '' end
    batch = math.min(2 * batch, 100)
  end
  return false
end

local function walk_list() return walk(nil, { { '', '' } }, false, add) end
local function walk_index(field, reverse) return walk(field, field.ranges, reverse, add) end

-- Returns the number of the condition whose index has the fewest members in its
-- ranges, and how many there are. Returns nothing if no index can be the path.
local function most_selective()
  local best, fewest
  for i, c in ipairs(conditions) do
    if c.walk ~= '' then
      local n = 0
      for _, r in ipairs(c.ranges) do
        n = n + redis.call('ZLEXCOUNT', index_key(c.name), first_bound(r[1]), last_bound(r[2]))
      end
      if not best or n < fewest then best, fewest = i, n end
    end
  end
  return best, fewest
end

-- Finds every record through the index of a condition, sorts them, and adds
-- those after the position. Returns true if there are more than the limit.
local function collect(c)
  local places, ids, values_of, after = {}, {}, {}, position
  range, position = 1, ''
  walk(c, c.ranges, false, function(id, _, values, remembered)
    local place = id
    if order then
      local sorts = fresh_sorts(order, items_of(id, remembered), values)
      if not sorts then return end
      place = sorts[1] .. '\0' .. id
    end
    local is_left = after == '' or less(after, place)
    if descending then is_left = after == '' or less(place, after) end
    if is_left then places[#places + 1], ids[place], values_of[place] = place, id, values end
  end)
  table.sort(places, function(a, b)
    if descending then return less(b, a) end
    return less(a, b)
  end)
  for i = 1, math.min(limit, #places) do
    position = places[i]
    add(ids[places[i]], places[i], values_of[places[i]])
  end
  return #places > limit
end

-- Walks a path that has the order of a page.
local function walk_page()
  local best, members = most_selective()
  local c = conditions[best]
  if c and members <= 200 and members + #c.ranges <= budget and not (order and order.name == c.name) then return collect(c) end
  if order then
    position = '' -- the ranges begin after it
    local goes_on = walk_index(order, descending)
    if position == '' and range > 1 then position = order.ranges[range - 1][descending and 1 or 2] end
    return goes_on
  end
  if not c or c.walk ~= 'value' then return walk_list() end
  -- The members of one value are in the order of the ids.
  local value = c.ranges[1][1]
  if position ~= '' then position = value .. '\0' .. position end
  local more = walk_index(c, false)
  for _, record in ipairs(records) do record[2] = record[1] end
  if position ~= '' then position = parse_members({ position })[1] end
  return more
end

-- Makes writers store for a minute which records move within an index. Returns
-- the ids of those that moved since the walk began, or nil if that is not known.
-- The member '' of the set has the time since which it is complete.
local function watch_moves()
  if redis.call('ZCARD', moved_key) > 20000 then redis.call('UNLINK', moved_key) end
  local since = redis.call('ZSCORE', moved_key, '')
  if not since then
    since = string.format('%.0f', now())
    redis.call('ZADD', moved_key, since, '')
  end
  redis.call('PEXPIRE', moved_key, 60000)
  if tonumber(since, 10) > tonumber(began, 10) then return nil end
  local ids = redis.call('ZRANGEBYSCORE', moved_key, began, '+inf', 'LIMIT', 0, 10001)
  return #ids <= 10000 and ids or nil
end

local more, moved = false, {}
if path == 'ids' then
  for i = at + 1, #ARGV do
    local values = ARGV[i] ~= '' and examine(ARGV[i])
    if values then add(ARGV[i], '', values) end
  end
elseif path == 'page' then
  more = walk_page()
else
  if path == '' then
    path = 'list'
    local best = #conditions > 0 and most_selective()
    if best then path = string.format('%d', best) end
  end
  if path == 'list' then
    more = walk_list()
  else
    local c = conditions[tonumber(path, 10)]
    more = walk_index(c, false)
    if c.walk == 'walk' and (more or began ~= '') then
      if began == '' then began = string.format('%.0f', now()) end
      local watched, ids = pcall(watch_moves)
      if not watched or not ids then
        began = 'LOST'
      elseif not more then
        moved = ids
      end
    end
  end
end
pcall(look_at_due, 4)
return { path, range, position, more and 1 or 0, began, moved, records }
