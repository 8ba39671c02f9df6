import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;

/** A web server that works a little between its requests. */
public class Server {
    static long work() {
        long sum = 0;
        for (int i = 0; i < 200_000; i++) {
            sum += i % 7;
        }
        return sum;
    }

    public static void main(String[] arguments) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        server.start();
        System.out.println("up " + server.getAddress().getPort());
        long seconds = arguments.length > 0 ? Long.parseLong(arguments[0]) : 600;
        long until = System.nanoTime() + 1_000_000_000L * seconds;
        while (System.nanoTime() < until) {
            work();
            Thread.sleep(10);
        }
        server.stop(0);
    }
}
