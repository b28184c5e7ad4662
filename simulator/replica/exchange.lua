-- One call of a replica about one deployment: what simulator/lease.Book does,
-- to the unit. All of it happens at one instant of this server's clock.
--
-- KEYS: epoch, replicas, then one hash for each limit.
-- ARGV: the replica's name, the epoch it joined, how long a replica counts and
-- a lease lives (us); then for each limit: kind, limit, period (us), drain (a
-- minute), need, least, want, wait, count, and twice a slot and units to go
-- back there.
-- Answer: epoch, replicas, then for each limit: slot, units, used, left (us)
-- and wait (us).
local FIXED, SLIDING, BUCKET, TALLY = 0, 1, 2, 3
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local replica, joined, counts, life = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min

local epoch = redis.call('GET', KEYS[1])
if not epoch then
  epoch = string.format('%.0f', now)
end
redis.call('SET', KEYS[1], epoch, 'EX', 86400)
redis.call('ZADD', KEYS[2], now, replica)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - counts)
redis.call('EXPIRE', KEYS[2], 86400)
local replicas = redis.call('ZCARD', KEYS[2])
local out = {epoch, replicas}
if joined ~= '0' and joined ~= epoch then
  return out
end

local function number(key, field)
  return tonumber(redis.call('HGET', key, field) or 0)
end

local function set(key, field, n)
  redis.call('HSET', key, field, string.format('%.0f', n))
end

local function given(l, free)
  local n = min(free, max(l.need, min(l.want, ceil(free / (2 * replicas)))))
  if n < l.least then
    return 0
  end
  return n
end

local function fixed(key, l)
  local slot, used = floor(now / l.period), 0
  if number(key, 'slot') == slot then
    used = number(key, 'used')
  end
  for _, b in ipairs(l.back) do
    if b.slot == slot then
      used = used - b.n
    end
  end
  used = used + l.count
  local n = 0
  if l.kind == FIXED then
    n = given(l, max(l.limit - used, 0))
    used = used + n
  end
  set(key, 'slot', slot)
  set(key, 'used', used)
  local left = (slot + 1) * l.period - now
  return slot, n, used, left, used + l.wait > l.limit and left or 0
end

local function sliding(key, l)
  local size = max(floor(l.period / 100), 1)
  local first, used = number(key, 'slot'), number(key, 'used')
  local old = {}
  while used > 0 and (first + 1) * size + l.period <= now do
    used = used - number(key, first)
    old[#old + 1] = first
    first = first + 1
  end
  if used == 0 then
    redis.call('DEL', key)
    first = floor(now / size)
  elseif #old > 0 then
    redis.call('HDEL', key, unpack(old))
  end
  local function put(slot, n)
    if n ~= 0 then
      redis.call('HINCRBY', key, slot, n)
      used = used + n
    end
  end
  for _, b in ipairs(l.back) do
    if b.n > 0 and b.slot >= first then
      put(b.slot, -b.n)
    end
  end
  put(floor(now / size), l.count)
  local n = given(l, max(l.limit - used, 0))
  local slot = floor((now + life) / size)
  put(slot, n)
  set(key, 'slot', first)
  set(key, 'used', used)
  local left, at, wait = used, first, 0
  while left > 0 and left + l.wait > l.limit do
    left = left - number(key, at)
    at = at + 1
    wait = at * size + l.period - now
  end
  return slot, n, used, 0, wait
end

local function bucket(key, l)
  local used, carry, at = number(key, 'used'), number(key, 'carry'), number(key, 'at')
  local dt = min(now - at, 3600 * 1000000)
  local whole = l.drain * floor(dt / 1000000)
  local rest = (whole % 60) * 1000000 + l.drain * (dt % 1000000) + carry
  used, carry = used - floor(whole / 60) - floor(rest / 60000000), rest % 60000000
  if used <= 0 then
    used, carry = 0, 0
  end
  for _, b in ipairs(l.back) do
    used = used - b.n
  end
  used = max(used + l.count, 0)
  local n, wait = 0, 0
  if used <= l.limit then
    n = max(l.least, given(l, l.limit - used))
    used = used + n
  end
  local over = used - l.limit
  if over > 0 then
    wait = floor(over * 60 / l.drain) * 1000000 + ceil(((over * 60 % l.drain) * 1000000 - carry) / l.drain)
  end
  set(key, 'used', used)
  set(key, 'carry', carry)
  set(key, 'at', now)
  return 0, n, used, 0, wait
end

local at = 5
for i = 3, #KEYS do
  local a = {}
  for j = 1, 13 do
    a[j] = tonumber(ARGV[at])
    at = at + 1
  end
  local l = {kind = a[1], limit = a[2], period = a[3], drain = a[4], need = a[5], least = a[6], want = a[7], wait = a[8], count = a[9],
    back = {{slot = a[10], n = a[11]}, {slot = a[12], n = a[13]}}}
  local of = fixed
  if l.kind == SLIDING then
    of = sliding
  elseif l.kind == BUCKET then
    of = bucket
  end
  local slot, n, used, left, wait = of(KEYS[i], l)
  redis.call('PEXPIRE', KEYS[i], max(2 * l.period / 1000, 3600000))
  for _, v in ipairs({slot, n, used, left, wait}) do
    out[#out + 1] = v
  end
end
return out
