import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.twitter.io.Buf;
import com.twitter.io.Bufs;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import scala.Tuple2;

/** What happened, as lines of JSON on the standard output, and bytes as hexadecimal digits. */
final class Events {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Events() {}

  /** Prints one event of the server or client `as`; `facts` are keys and values in turn. */
  static void tell(String event, String as, Object... facts) {
    var line = new LinkedHashMap<String, Object>();
    line.put("event", event);
    line.put("as", as);
    for (int i = 0; i < facts.length; i += 2) {
      line.put((String) facts[i], facts[i + 1]);
    }
    try {
      String text = JSON.writeValueAsString(line);
      synchronized (Events.class) {
        System.out.println(text);
        System.out.flush();
      }
    } catch (JsonProcessingException error) {
      throw new IllegalStateException(error);
    }
  }

  static String hex(Buf bytes) {
    return HexFormat.of().formatHex(Bufs.ownedByteArray(bytes));
  }

  static Buf bytes(String hex) {
    return Bufs.ownedBuf(HexFormat.of().parseHex(hex));
  }

  /** Returns contexts by their name, the values in hexadecimal digits; a later one of the same name wins. */
  static Map<String, String> contexts(scala.collection.Iterable<Tuple2<Buf, Buf>> found) {
    var named = new LinkedHashMap<String, String>();
    scala.jdk.javaapi.CollectionConverters.asJava(found).forEach(pair -> named.put(Bufs.asUtf8String(pair._1()), hex(pair._2())));
    return named;
  }
}
