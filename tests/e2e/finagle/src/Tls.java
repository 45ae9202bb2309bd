import com.fasterxml.jackson.databind.JsonNode;
import com.twitter.finagle.Stack;
import com.twitter.finagle.ssl.ApplicationProtocols;
import com.twitter.finagle.ssl.CipherSuites;
import com.twitter.finagle.ssl.ClientAuth;
import com.twitter.finagle.ssl.KeyCredentials;
import com.twitter.finagle.ssl.Protocols;
import com.twitter.finagle.ssl.TrustCredentials;
import com.twitter.finagle.ssl.client.SslClientConfiguration;
import com.twitter.finagle.ssl.server.SslServerConfiguration;
import com.twitter.finagle.transport.Transport;
import java.io.File;
import scala.Option;
import scala.Tuple2;

/** Reads the key `tls` of a command: files `cert`, `key` and `ca`, which both sides have, and of clients `name`, the server's. */
final class Tls {
  private Tls() {}

  /** Returns a server that shows its certificate, and wants to see one of the same authority; none without the key. */
  static Tuple2<Transport.ServerSsl, Stack.Param<Transport.ServerSsl>> server(JsonNode command) {
    JsonNode tls = command.get("tls");
    Option<SslServerConfiguration> found =
        Option.apply(
            tls == null
                ? null
                : new SslServerConfiguration(
                    own(tls), ClientAuth.Needed$.MODULE$, trusted(tls), CipherSuites.Unspecified$.MODULE$, Protocols.Unspecified$.MODULE$, ApplicationProtocols.Unspecified$.MODULE$, false));
    return new Transport.ServerSsl(found).mk();
  }

  /** Returns a client that shows its certificate, and knows servers by those of the same authority; none without the key. */
  static Tuple2<Transport.ClientSsl, Stack.Param<Transport.ClientSsl>> client(JsonNode command) {
    JsonNode tls = command.get("tls");
    Option<SslClientConfiguration> found =
        Option.apply(
            tls == null
                ? null
                : new SslClientConfiguration(
                    Option.apply(tls.get("name").asText()), Option.apply(null), own(tls), trusted(tls), CipherSuites.Unspecified$.MODULE$, Protocols.Unspecified$.MODULE$, ApplicationProtocols.Unspecified$.MODULE$, false));
    return new Transport.ClientSsl(found).mk();
  }

  private static KeyCredentials own(JsonNode tls) {
    return new KeyCredentials.CertAndKey(file(tls, "cert"), file(tls, "key"));
  }

  private static TrustCredentials trusted(JsonNode tls) {
    return new TrustCredentials.CertCollection(file(tls, "ca"));
  }

  private static File file(JsonNode tls, String name) {
    return new File(tls.get(name).asText());
  }
}
