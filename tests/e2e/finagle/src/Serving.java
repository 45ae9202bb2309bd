import com.fasterxml.jackson.databind.JsonNode;
import com.twitter.finagle.Dtab;
import com.twitter.finagle.Failure;
import com.twitter.finagle.FailureFlags;
import com.twitter.finagle.ListeningServer;
import com.twitter.finagle.Mux;
import com.twitter.finagle.Service;
import com.twitter.finagle.Thrift;
import com.twitter.finagle.ThriftMux;
import com.twitter.finagle.context.Contexts;
import com.twitter.finagle.context.Deadline;
import com.twitter.finagle.mux.Request;
import com.twitter.finagle.mux.Response;
import com.twitter.finagle.stats.InMemoryStatsReceiver;
import com.twitter.finagle.thrift.ClientId;
import com.twitter.finagle.tracing.Trace;
import com.twitter.util.Duration;
import com.twitter.util.Future;
import com.twitter.util.JavaTimer;
import com.twitter.util.Promise;
import com.twitter.util.Time;
import com.twitter.util.Timer;
import java.net.InetSocketAddress;
import java.util.HexFormat;
import java.util.function.Supplier;
import org.apache.thrift.protocol.TProtocolFactory;
import scala.Function1;
import scala.Tuple2;
import scala.collection.immutable.Seq;
import scala.runtime.AbstractPartialFunction;
import scala.runtime.BoxedUnit;

/** A server that tells what it sees of each request, and answers as it was told to behave. */
final class Serving {
  private static final Timer TIMER = new JavaTimer(true, scala.Option.apply("delays"));

  private final String name;
  private final ListeningServer server;
  private volatile String how = "echo";
  private volatile int delay;
  private final Leases leases = new Leases();
  private volatile Seq<Tuple2<com.twitter.io.Buf, com.twitter.io.Buf>> contexts = Calling.contexts(null);

  Serving(String name, JsonNode command, InMemoryStatsReceiver stats) {
    this.name = name;
    TProtocolFactory format = Echo.format(command.path("compact").asBoolean());
    String at = "127.0.0.1:" + command.path("port").asInt(0);
    server =
        switch (command.get("protocol").asText()) {
          case "mux" -> {
            var made = (Mux.Server) ((Mux.Server) Mux.server().withStatsReceiver(stats)).configured(Calling.frames(command));
            yield ((Mux.Server) ((Mux.Server) made.configured(Tls.server(command))).configured(leases.param())).serve(at, mux());
          }
          case "thriftmux" -> {
            var made = ThriftMux.server().withStatsReceiver(stats).withProtocolFactory(format).configured(Calling.frames(command));
            yield made.configured(Tls.server(command)).configured(leases.param()).serve(at, thrift(format));
          }
          case "thrift" -> {
            var plain = Thrift.server().withStatsReceiver(stats).withProtocolFactory(format).configured(Tls.server(command));
            yield (command.path("buffered").asBoolean() ? plain.withBufferedTransport() : plain).serve(at, thrift(format));
          }
          default -> throw new IllegalArgumentException("no such protocol");
        };
    Events.tell("listening", name, "port", ((InetSocketAddress) server.boundAddress()).getPort());
  }

  /** Takes `how` (echo, fail, nack, refuse, hang), a delay in `ms`, and the `contexts` of replies over Mux. */
  void behave(JsonNode command) {
    delay = command.path("ms").asInt(0);
    contexts = Calling.contexts(command.get("contexts"));
    how = command.path("how").asText("echo");
    Events.tell("behaving", name);
  }

  /** Grants the sessions over Mux a lease of so many milliseconds; those that there are not yet get none. */
  void lease(int ms) {
    leases.grant(ms);
    Events.tell("leased", name);
  }

  /** Closes the server as Finagle does: sessions that can drain are told to, and have `ms` milliseconds for it. */
  void drain(int ms) {
    var closed = server.close(Duration.fromMilliseconds(ms));
    closed.respond(
        done -> {
          Events.tell("drained", name, "in time", done.isReturn());
          return BoxedUnit.UNIT;
        });
  }

  private Service<Request, Response> mux() {
    return new Service<>() {
      @Override
      public Future<Response> apply(Request request) {
        tell(request.destination().show(), Events.hex(request.body()));
        return answer(() -> Response.apply(contexts, request.body()));
      }
    };
  }

  private Service<byte[], byte[]> thrift(TProtocolFactory format) {
    return new Service<>() {
      @Override
      public Future<byte[]> apply(byte[] message) {
        tell("", HexFormat.of().formatHex(message));
        return answer(() -> Echo.reply(message, format));
      }
    };
  }

  private void tell(String destination, String body) {
    var deadline = Deadline.current();
    var client = ClientId.current();
    var trace = Trace.id();
    Events.tell(
        "request",
        name,
        "destination",
        destination,
        "dtab",
        Dtab.local().show(),
        "left ms",
        deadline.isEmpty() ? null : deadline.get().deadline().$minus(Time.now()).inMilliseconds(),
        "client id",
        client.isEmpty() ? null : client.get().name(),
        "trace",
        trace.traceId().toString(),
        "parent",
        trace.parentId().toString(),
        "span",
        trace.spanId().toString(),
        "sampled",
        trace.getSampled().isEmpty() ? null : trace.getSampled().get(),
        "contexts",
        Events.contexts(Contexts.broadcast().marshal()),
        "body",
        body);
  }

  private <T> Future<T> answer(Supplier<T> reply) {
    if (how.equals("echo") && delay == 0) {
      return Future.value(reply.get());
    }
    var promise = new Promise<T>();
    promise.setInterruptHandler(
        new AbstractPartialFunction<>() {
          @Override
          public boolean isDefinedAt(Throwable why) {
            return true;
          }

          @Override
          public <A extends Throwable, B> B applyOrElse(A why, Function1<A, B> otherwise) {
            Events.tell("interrupted", name, "class", why.getClass().getSimpleName(), "why", String.valueOf(why.getMessage()));
            promise.updateIfEmpty(new com.twitter.util.Throw<>(why));
            @SuppressWarnings("unchecked")
            B unit = (B) BoxedUnit.UNIT;
            return unit;
          }
        });
    String chosen = how;
    if (!chosen.equals("hang")) {
      TIMER.doLater(
          Duration.fromMilliseconds(delay),
          () -> {
            promise.updateIfEmpty(outcome(chosen, reply));
            return BoxedUnit.UNIT;
          });
    }
    return promise;
  }

  private static <T> com.twitter.util.Try<T> outcome(String how, Supplier<T> reply) {
    return switch (how) {
      case "echo" -> new com.twitter.util.Return<>(reply.get());
      case "fail" -> new com.twitter.util.Throw<>(new IllegalStateException("sad panda"));
      case "nack" -> new com.twitter.util.Throw<>(Failure.rejected("not now"));
      case "refuse" -> new com.twitter.util.Throw<>(Failure.apply("never", FailureFlags.Rejected() | FailureFlags.NonRetryable()));
      default -> throw new IllegalArgumentException("no such behaviour");
    };
  }
}
