import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.LockSupport;

/**
 * A thread writes each message that it takes from a queue; the main thread fills it in bursts of about four, 30 us apart, with
 * pauses of about 2 ms. Usage: QueueWriter HOST PORT COUNT. The far end is c/sink.c: 100-byte messages that begin with the time.
 */
public class QueueWriter {
    public static void main(String[] arguments) throws Exception {
        OutputStream output = new Socket(arguments[0], Integer.parseInt(arguments[1])).getOutputStream();
        int count = Integer.parseInt(arguments[2]);
        LinkedBlockingQueue<byte[]> queue = new LinkedBlockingQueue<>();
        Thread writer = new Thread(() -> {
            try {
                for (int i = 0; i < count; i++)
                    output.write(queue.take());
            } catch (Exception error) {
                error.printStackTrace();
                System.exit(1);
            }
        });
        writer.start();
        Random choose = new Random(1);
        for (int i = 0; i < count; i++) {
            queue.put(ByteBuffer.allocate(100).order(ByteOrder.LITTLE_ENDIAN).putLong(System.nanoTime()).array());
            if (choose.nextInt(4) == 0)
                LockSupport.parkNanos(2_000_000);
            else
                for (long end = System.nanoTime() + 30_000; System.nanoTime() < end;)
                    Thread.onSpinWait();
        }
        writer.join();
    }
}
