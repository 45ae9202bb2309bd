import com.fasterxml.jackson.databind.JsonNode;
import com.twitter.finagle.Dtab;
import com.twitter.finagle.FailureFlags;
import com.twitter.finagle.Mux$param$MaxFrameSize;
import com.twitter.finagle.Mux;
import com.twitter.finagle.Path;
import com.twitter.finagle.Service;
import com.twitter.finagle.Stack;
import com.twitter.finagle.Thrift;
import com.twitter.finagle.ThriftMux;
import com.twitter.finagle.context.Contexts;
import com.twitter.finagle.liveness.FailureDetector;
import com.twitter.finagle.mux.Request;
import com.twitter.finagle.mux.Response;
import com.twitter.finagle.stats.InMemoryStatsReceiver;
import com.twitter.finagle.thrift.ClientId;
import com.twitter.finagle.thrift.ThriftClientRequest;
import com.twitter.io.Buf;
import com.twitter.io.Bufs;
import com.twitter.util.Duration;
import com.twitter.util.Future;
import com.twitter.util.JavaTimer;
import com.twitter.util.StorageUnit;
import com.twitter.util.Timer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Map;
import org.apache.thrift.protocol.TProtocolFactory;
import scala.Tuple2;
import scala.collection.immutable.Seq;
import scala.runtime.BoxedUnit;

/** A client that sends calls as told, and tells how each of them ended. */
final class Calling {
  private static final Timer TIMER = new JavaTimer(true, scala.Option.apply("cancellations"));
  private static final Duration CLOSE_TIMEOUT = Duration.fromSeconds(4);

  private final String name;
  private final TProtocolFactory format;
  private final Service<Request, Response> mux;
  private final Service<ThriftClientRequest, byte[]> thrift;

  Calling(String name, JsonNode command, InMemoryStatsReceiver stats) {
    this.name = name;
    format = Echo.format(command.path("compact").asBoolean());
    String to = command.get("to").asText();
    var health = new FailureDetector.ThresholdConfig(Duration.fromMilliseconds(command.path("ping ms").asInt(5000)), CLOSE_TIMEOUT);
    var pings = new FailureDetector.Param(health).mk();
    var frames = frames(command);
    JsonNode client = command.get("client id");
    Service<Request, Response> one = null;
    Service<ThriftClientRequest, byte[]> other = null;
    switch (command.get("protocol").asText()) {
      case "mux" -> {
        var made = (Mux.Client) ((Mux.Client) ((Mux.Client) Mux.client().withStatsReceiver(stats)).configured(pings)).configured(frames);
        one = ((Mux.Client) made.configured(Tls.client(command))).newService(to, name);
      }
      case "thriftmux" -> {
        var made = ThriftMux.client().withStatsReceiver(stats).withProtocolFactory(format).configured(pings).configured(frames).configured(Tls.client(command));
        other = (client == null ? made : made.withClientId(new ClientId(client.asText()))).newService(to, name);
      }
      case "thrift" -> {
        var made = Thrift.client().withStatsReceiver(stats).withProtocolFactory(format).configured(Tls.client(command));
        made = command.path("buffered").asBoolean() ? made.withBufferedTransport() : made;
        made = command.path("upgrade").asBoolean(true) ? made.withAttemptTTwitterUpgrade() : made.withNoAttemptTTwitterUpgrade();
        other = (client == null ? made : made.withClientId(new ClientId(client.asText()))).newService(to, name);
      }
      default -> throw new IllegalArgumentException("no such protocol");
    }
    mux = one;
    thrift = other;
    Events.tell("client", name);
  }

  /** Sends a call: over Mux `body` to `destination`, over Thrift `text` to `method`; interrupts it after `cancel ms`. */
  void call(JsonNode command) {
    String id = command.get("id").asText();
    Future<?> reply =
        Contexts.broadcast()
            .letUnmarshal(
                contexts(command.get("contexts")),
                () ->
                    Dtab.unwind(
                        () -> {
                          Dtab.local_$eq(Dtab.read(command.path("dtab").asText("")));
                          return mux == null ? sendThrift(command) : sendMux(command);
                        }));
    reply.respond(
        ended -> {
          tell(id, ended);
          return BoxedUnit.UNIT;
        });
    if (command.has("cancel ms")) {
      TIMER.doLater(
          Duration.fromMilliseconds(command.get("cancel ms").asInt()),
          () -> {
            reply.raise(new InterruptedException("enough"));
            return BoxedUnit.UNIT;
          });
    }
  }

  void close() {
    (mux == null ? thrift.close() : mux.close())
        .respond(
            done -> {
              Events.tell("closed", name);
              return BoxedUnit.UNIT;
            });
  }

  /** Returns how long the fragments may be that `frame bytes` allows the peer. */
  static Tuple2<Mux$param$MaxFrameSize, Stack.Param<Mux$param$MaxFrameSize>> frames(JsonNode command) {
    return new Mux$param$MaxFrameSize(StorageUnit.fromBytes(command.path("frame bytes").asLong(Integer.MAX_VALUE))).mk();
  }

  /** Returns the contexts of a map of names to bytes in hexadecimal digits; none if there is none. */
  static Seq<Tuple2<Buf, Buf>> contexts(JsonNode named) {
    var found = new ArrayList<Tuple2<Buf, Buf>>();
    if (named != null) {
      for (Map.Entry<String, JsonNode> field : (Iterable<Map.Entry<String, JsonNode>>) named::fields) {
        found.add(new Tuple2<>(Bufs.utf8Buf(field.getKey()), Events.bytes(field.getValue().asText())));
      }
    }
    return scala.jdk.javaapi.CollectionConverters.asScala(found).toSeq();
  }

  private Future<?> sendMux(JsonNode command) {
    Path destination = Path.read(command.path("destination").asText("/"));
    return mux.apply(Request.apply(destination, Events.bytes(command.path("body").asText(""))));
  }

  private Future<?> sendThrift(JsonNode command) {
    boolean isOneway = command.path("oneway").asBoolean();
    byte[] message = Echo.call(command.get("method").asText(), command.path("text").asText(""), isOneway, format);
    return thrift.apply(new ThriftClientRequest(message, isOneway));
  }

  private void tell(String id, com.twitter.util.Try<?> ended) {
    if (ended.isThrow()) {
      Throwable why = ended.throwable();
      long flags = why instanceof FailureFlags<?> flagged ? flagged.flags() : 0;
      Events.tell("failure", name, "id", id, "class", why.getClass().getSimpleName(), "why", String.valueOf(why.getMessage()), "flags", flags);
    } else if (ended.get() instanceof Response response) {
      Events.tell("reply", name, "id", id, "body", Events.hex(response.body()), "contexts", Events.contexts(response.contexts()));
    } else {
      byte[] message = (byte[]) ended.get();
      Events.tell("reply", name, "id", id, "body", HexFormat.of().formatHex(message), "text", Echo.text(message, format));
    }
  }
}
