# The core patterns in Ruby: `paced COUNT GAP_US`, paced by sleep; `queue COUNT MEAN PAUSE_US`, a thread that writes what it takes from a
# Queue; `exchange COUNT PIECES`, pieces and then the answer.
require "socket"

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)

def message(kind, begun = now) = format("%019d%s%79s\n", begun, kind, "")

pattern, count, second, pause = ARGV[0], *ARGV[1..].map(&:to_i)
socket = TCPSocket.new(ENV["FIELD_ADDRESS"], ENV["FIELD_PORT"].to_i)
socket.sync = true
case pattern
when "paced"
  count.times do
    socket.write(message("t"))
    sleep(second / 1e6)
  end
when "queue"
  messages = Queue.new
  writer = Thread.new { count.times { socket.write(message("t", messages.pop)) } }
  choose = Random.new(1)
  count.times do
    messages << now
    sleep(pause / 1e6) if choose.rand(second).zero?
  end
  writer.join
else
  count.times do
    begun = now
    (1..second).each { |k| socket.write(message(k == second ? "a" : "u", begun)) }
    socket.read(10)
  end
end
