"""The steps of `RedisLedger` that must be atomic, in Lua. `LocalLedger` says the same in Python.

A budget under the key K keeps
  K            hash: flight (sum of what is reserved), number (of the newest reservation),
               s<window> (the count of a window), a<window> (the newest number at that count)
  K:flight     sorted set: <request id>:<amount> by the time at which it expires
  K:waiting:<priority>  sorted set: request ids by the time until which lower priorities wait
  K:ban        until when nothing may be asked
and, under the first key alone, K:venue: skew (venue's clock minus Redis's) and limits by label.
"""

from __future__ import annotations

from typing import Final

# ARGV[1] is the venue's clock, or empty: then Redis's own, moved by what others have measured.
_CLOCK: Final = """
local venue = KEYS[1] .. ':venue'
local time = redis.call('TIME')
local here = time[1] * 1000 + math.floor(time[2] / 1000)
local now = tonumber(ARGV[1])
if now then
  redis.call('HSET', venue, 'skew', now - here)
else
  now = here + tonumber(redis.call('HGET', venue, 'skew') or 0)
end
local guard = tonumber(ARGV[2])
local function number_in(key, name) return tonumber(redis.call('HGET', key, name) or 0) end
local function window_of(at, length) return math.floor(at / length) end
local function add(key, first, last, amount)
  local newest = number_in(key, 'number')
  for window = first, last do
    redis.call('HINCRBY', key, 's' .. window, amount)
    redis.call('HSET', key, 'a' .. window, newest)
  end
end
"""

# ARGV: clock, guard, request id, flight ms, priority, fraction, waits ms, shortly ms; then for each
# key: label, length ms, default limit, amount.
# Returns {1, share, now, number, …} or {0, wait ms, place of the key, is ban}.
RESERVE: Final = (
    _CLOCK
    + """
local id, flight_ms, priority = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local fraction, waits_ms, shortly = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])

local function expire(key, first, last)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key .. ':flight', '-inf', now)) do
    local amount = tonumber(string.match(member, ':(%d+)$'))
    redis.call('ZREM', key .. ':flight', member)
    redis.call('HINCRBY', key, 'flight', -amount)
    add(key, first, last, amount)
  end
  for window = first - 4, first - 1 do
    redis.call('HDEL', key, 's' .. window, 'a' .. window)
  end
end

local function is_behind(key)
  for higher = 0, priority - 1 do
    if redis.call('ZCOUNT', key .. ':waiting:' .. higher, '(' .. now, '+inf') > 0 then
      return true
    end
  end
  return false
end

local function refuse(place, key, wait)
  if priority < 2 then
    local waiting = key .. ':waiting:' .. priority
    redis.call('ZREMRANGEBYSCORE', waiting, '-inf', now)
    redis.call('ZADD', waiting, now + waits_ms, id)
    redis.call('PEXPIRE', waiting, 2 * waits_ms)
  end
  return {0, wait, place, 0}
end

local share = 0
for place, key in ipairs(KEYS) do
  local at = 8 + (place - 1) * 4
  local length, amount = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 4])
  local limit = tonumber(redis.call('HGET', venue, ARGV[at + 1]) or ARGV[at + 3])
  local first, last = window_of(now - guard, length), window_of(now + guard, length)
  local banned_until = tonumber(redis.call('GET', key .. ':ban') or 0)
  if banned_until > now then return {0, banned_until - now, place, 1} end
  expire(key, first, last)
  if is_behind(key) then return refuse(place, key, shortly) end
  local cap = math.floor(limit * fraction + 0.000001)
  local flight, fullest, wait = number_in(key, 'flight'), 0, shortly
  for window = first, last do
    local seen = number_in(key, 's' .. window)
    if seen > fullest then fullest = seen end
    if seen + amount > cap then wait = (window + 1) * length + guard - now end
  end
  if flight + amount + fullest > cap then return refuse(place, key, wait) end
  share = math.max(share, (flight + amount + fullest) / limit)
end

local answer = {1, tostring(share), now}
for place, key in ipairs(KEYS) do
  local at = 8 + (place - 1) * 4
  local length, amount = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 4])
  redis.call('HINCRBY', key, 'flight', amount)
  redis.call('ZADD', key .. ':flight', now + flight_ms, id .. ':' .. amount)
  if priority < 2 then redis.call('ZREM', key .. ':waiting:' .. priority, id) end
  answer[3 + place] = redis.call('HINCRBY', key, 'number', 1)
  local kept = 3 * math.max(length, flight_ms)
  redis.call('PEXPIRE', key, kept)
  redis.call('PEXPIRE', key .. ':flight', kept)
end
return answer
"""
)

# ARGV: clock, guard, request id; then for each key: length ms, amount, reserved at, number,
# settlement (seen, counted, free or unanswered), count.
SETTLE: Final = (
    _CLOCK
    + """
local id = ARGV[3]

local function take_over(key, first, last, running, number, count, amount)
  local newest, seen = number_in(key, 'number'), number_in(key, 's' .. first)
  local is_newer = first == last and number > number_in(key, 'a' .. first)
  if is_newer or count > seen then redis.call('HSET', key, 's' .. first, count) end
  if first == last then
    redis.call('HSET', key, 'a' .. first, newest)
  else
    add(key, math.max(first + 1, running), last, amount)
  end
end

for place, key in ipairs(KEYS) do
  local at = 3 + (place - 1) * 6
  local length, amount, reserved_at = tonumber(ARGV[at + 1]), ARGV[at + 2], tonumber(ARGV[at + 3])
  local settlement = ARGV[at + 5]
  if settlement ~= 'unanswered' then
    if redis.call('ZREM', key .. ':flight', id .. ':' .. amount) == 1 then
      amount = tonumber(amount)
      redis.call('HINCRBY', key, 'flight', -amount)
    else
      amount = 0
    end
    local first, last = window_of(reserved_at - guard, length), window_of(now + guard, length)
    local running = window_of(now - guard, length)
    if settlement == 'seen' then
      take_over(
        key, first, last, running, tonumber(ARGV[at + 4]), tonumber(ARGV[at + 6]), amount)
    elseif settlement == 'counted' then
      add(key, math.max(first, running), last, amount)
    end
    -- A budget that was lost meanwhile has just begun anew, and perhaps nobody reserves again.
    if redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, 3 * length) end
  end
end
"""
)

# ARGV: clock, guard, ms, place of the key that is banned. The first key is the address's weight.
BAN: Final = (
    _CLOCK
    + """
local key, ms = KEYS[#KEYS] .. ':ban', tonumber(ARGV[3])
if now + ms > tonumber(redis.call('GET', key) or 0) then
  redis.call('SET', key, string.format('%.0f', now + ms), 'PX', ms)
end
"""
)
