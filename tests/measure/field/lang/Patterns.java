/* The core patterns in Java: `paced COUNT GAP_US`, paced by LockSupport; `queue COUNT MEAN PAUSE_US`, a thread that writes what it takes
 * from a LinkedBlockingQueue; `exchange COUNT PIECES`, pieces and then the answer. */
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.util.Random;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.LockSupport;

class Patterns {
    static final int ANSWER = 10;

    static void say(OutputStream to, char kind, long begun) throws IOException {
        to.write(String.format("%019d%c%79s\n", begun, kind, "").getBytes());
    }

    static void paced(OutputStream to, int count, int gap) throws IOException {
        for (int i = 0; i < count; i++) {
            say(to, 't', System.nanoTime());
            LockSupport.parkNanos(gap * 1000L);
        }
    }

    static void queue(OutputStream to, int count, int mean, int pause) throws Exception {
        var messages = new LinkedBlockingQueue<Long>();
        var writer = new Thread(() -> {
            try {
                for (int i = 0; i < count; i++)
                    say(to, 't', messages.take());
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        writer.start();
        var choose = new Random(1);
        for (int i = 0; i < count; i++) {
            messages.put(System.nanoTime());
            if (choose.nextInt(mean) == 0)
                LockSupport.parkNanos(pause * 1000L);
        }
        writer.join();
    }

    static void exchange(Socket socket, int count, int pieces) throws IOException {
        var to = socket.getOutputStream();
        var from = new DataInputStream(socket.getInputStream());
        for (int i = 0; i < count; i++) {
            long begun = System.nanoTime();
            for (int k = 1; k <= pieces; k++)
                say(to, k == pieces ? 'a' : 'u', begun);
            from.readFully(new byte[ANSWER]);
        }
    }

    public static void main(String[] words) throws Exception {
        int count = Integer.parseInt(words[1]), second = Integer.parseInt(words[2]);
        try (var socket = new Socket(System.getenv("FIELD_ADDRESS"), Integer.parseInt(System.getenv("FIELD_PORT")))) {
            switch (words[0]) {
                case "paced" -> paced(socket.getOutputStream(), count, second);
                case "queue" -> queue(socket.getOutputStream(), count, second, Integer.parseInt(words[3]));
                default -> exchange(socket, count, second);
            }
        }
    }
}
