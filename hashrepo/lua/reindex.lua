-- Lists a record and writes its items. Run by HashRepo.Reindex.
--
-- KEYS[1]   the record
-- KEYS[2]   the list of the space
-- KEYS[3]   the spaces of the group
-- ARGV[5]   what precedes the id in the key
-- ARGV[6]   what follows it
-- ARGV[7]   '1' if the server supports lifetimes of fields
-- ARGV[8]   the number of indexes
-- ARGV[9..] for each index five arguments: its name; the names of its field,
--           each with its length; '1' if it is unique, else ''; '=' and the text
--           that the field had when it was read, or '' if it was absent; and the
--           body of the item
-- then      for each field with old names: its names, each with its length
-- Result: '1' if the record was changed or was not in an index as it should be,
-- else ''; then for each unique index in which another record has the same
-- value: the name of the index and the id of that record. If the text of a
-- field is another one now, the status CHANGED, and nothing was written.
if not existed then return { '' } end
spaces_key = KEYS[3]
enter_space(KEYS[2], ARGV[5], ARGV[6])
now() -- before the first write: the user may have no permission for TIME
local id = string.sub(KEYS[1], #prefix + 1, #KEYS[1] - #suffix)
local last = 8 + 5 * tonumber(ARGV[8], 10)

for i = 9, last, 5 do
  local text = text_of(id, ARGV[i + 1])
  if (text and '=' .. text or '') ~= ARGV[i + 3] then return redis.status_reply('CHANGED') end
end

local reply = { '' }
local items, names = items_of(id)
local changed, moved = false, false
for i = 9, last, 5 do
  local name, body = ARGV[i], ARGV[i + 4]
  local old = items[name] or ''
  if not items[name] then names[#names + 1] = name end
  if ARGV[i + 2] == '1' and body ~= '' then
    local holder = holder_of(id, name, body, ARGV[i + 1])
    if holder then reply[#reply + 1], reply[#reply + 2] = name, holder end
  end
  if body ~= old then
    replace_members(name, id, old, body)
    changed, moved = true, moved or old ~= '' and body ~= ''
    items[name] = body
  end
end
if changed then remember(id, items, names) end
if moved and redis.call('EXISTS', moved_key) == 1 then redis.call('ZADD', moved_key, now(), id) end

-- What is missing was deleted by hand.
for _, name in ipairs(names) do
  local _, sorts = parse_body(items[name] or '')
  for _, sort in ipairs(sorts) do
    if redis.call('ZADD', index_key(name), 0, sort .. '\0' .. id) == 1 then changed = true end
  end
end
if redis.call('ZADD', ids_key, 0, id) == 1 then changed = true end
local time = next_look(KEYS[1])
redis.call('ZADD', checks_key, time, id)
redis.call('ZADD', spaces_key, 'LT', time, space_reference())

-- Moves a field from its old names to its name, with its own lifetime. The record
-- means the same as before, so it keeps its lifetime and its version.
local function rename(fields)
  local name, at = take(fields, 1)
  local exists = redis.call('HGET', KEYS[1], name)
  while at <= #fields do
    local old
    old, at = take(fields, at)
    local text = redis.call('HGET', KEYS[1], old)
    if text then
      changed = true
      if not exists then
        exists = true
        local moment = ARGV[7] == '1' and redis.call('HPEXPIRETIME', KEYS[1], 'FIELDS', 1, old)
        redis.call('HSET', KEYS[1], name, text)
        if moment and moment[1] > 0 then
          redis.call('HPEXPIREAT', KEYS[1], string.format('%.0f', moment[1]), 'FIELDS', 1, name)
        end
      end
      redis.call('HDEL', KEYS[1], old)
    end
  end
end
for i = last + 1, #ARGV do rename(ARGV[i]) end

if changed then reply[1] = '1' end
return reply
