-- Recognizes the tenants of triggers, and names their keys. It needs number.lua.

-- Returns the tenant in the key of a trigger, as the key contains it. The
-- literals of the schedule's keys are ARGV from `first`. If the key is not one
-- of this schedule, it returns any text.
local function tenantOf(key, first)
  local from = #ARGV[first] + 1
  local to = string.find(key, ARGV[first + 1], from, true)
  return to and string.sub(key, from, to - 1) or ''
end

-- Returns the key of the firing with a name, or '' if it is not such a name.
local function keyOfFiring(member) return string.match(member, '^%-?%d+|(.+)$') or '' end

-- Return the keys of the backlog (backlog.lua): of its head, of the order of
-- the tenants, and of what is ready of a tenant.
local function backlogKey(due) return (string.gsub(due, '(%%exp[^:]*):due:', '%1:backlog:', 1)) end
local function tenantsKey(due) return (string.gsub(due, '(%%exp[^:]*):due:', '%1:tenants:', 1)) end
local function readyKey(due, tenant)
  return string.gsub(due, '(%%exp[^:]*):due:', '%1:ready:', 1) .. ':' .. tenant
end
