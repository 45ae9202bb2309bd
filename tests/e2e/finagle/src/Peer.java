import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.twitter.finagle.stats.InMemoryStatsReceiver;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Finagle servers and clients in one process, told what to do by lines of JSON and answering with lines of JSON.
 *
 * <p>Every command has a key `do`, and `as`, the name of the server or client that it is for; peer.py, which sends them, says what their
 * other keys are. The process ends with its standard input.
 */
public final class Peer {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<String, Serving> servers = new HashMap<>();
  private final Map<String, Calling> clients = new HashMap<>();
  private final Map<String, InMemoryStatsReceiver> counted = new HashMap<>();

  public static void main(String[] arguments) throws Exception {
    var peer = new Peer();
    var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      try {
        peer.obey(JSON.readTree(line));
      } catch (Exception error) {
        Events.tell("refused", "", "command", line, "why", error.toString());
      }
    }
    System.exit(0);
  }

  private void obey(JsonNode command) throws Exception {
    String name = command.get("as").asText();
    switch (command.get("do").asText()) {
      case "serve" -> servers.put(name, new Serving(name, command, stats(name)));
      case "behave" -> servers.get(name).behave(command);
      case "lease" -> servers.get(name).lease(command.get("ms").asInt());
      case "drain" -> servers.remove(name).drain(command.path("ms").asInt(5000));
      case "client" -> clients.put(name, new Calling(name, command, stats(name)));
      case "call" -> clients.get(name).call(command);
      case "close" -> clients.remove(name).close();
      case "stats" -> tellStats(name);
      default -> throw new IllegalArgumentException("no such command");
    }
  }

  private InMemoryStatsReceiver stats(String name) {
    var made = new InMemoryStatsReceiver();
    counted.put(name, made);
    return made;
  }

  private void tellStats(String name) {
    var counters = new TreeMap<String, Long>();
    var found = scala.jdk.javaapi.CollectionConverters.asJava(counted.get(name).counters());
    found.forEach((path, count) -> counters.put(path.mkString("/"), ((Number) count).longValue()));
    Events.tell("stats", name, "counters", counters);
  }
}
