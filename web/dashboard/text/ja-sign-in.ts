import type { Texts } from './en.ts';

/** Signing in, and what a role may not, in Japanese. */
export const signIn: Texts['signIn'] = {
  title: 'サインイン',
  about: 'このゲートウェイを使うにはサインインが必要です。',
  credential: 'APIキーまたはトークン',
  howToGet:
    'キーはゲートウェイの管理者が作成します。viewerは閲覧、userは質問と比較も、adminはモデルの管理もできます:',
  keep: 'サインアウトするまで、このブラウザに保存する',
  button: 'サインイン',
  atProvider: (host) => `${host}でサインイン`,
  againAbout:
    '表示中の内容はそのまま残り、同じ資格でもう一度サインインすると続きます。それまでゲートウェイには何も問い合わせません。',
  paused: 'サインインが無効になったため、ここで止まっています。もう一度サインインすると続きます。',
  reasons: {
    MISSING: 'このゲートウェイは、これ以降キーを必要とします。',
    UNKNOWN:
      'このキーはゲートウェイに登録されていません。最後まで正しく入力されているか確認するか、新しいキーを作成してもらってください。',
    REVOKED: 'このキーは失効しています。別のキーを使ってください。',
    EXPIRED: 'このキーまたはトークンは期限切れです。別のものを使ってください。',
    TOKEN: 'このトークンはここでは使えません。途中で切れているか、別の用途のものです。',
    SCHEME: 'これはキーでもトークンでもありません。使えない文字が含まれています。',
    UNREADABLE:
      'ゲートウェイがキーを読み込めないため、どのキーも使えません。原因はゲートウェイのログにあります。直れば同じキーをまた使えます。',
    NO_ROLE:
      'このトークンにはmixgateのロールがありません。IDプロバイダーの管理者に付与してもらってください。',
  },
  signedInAs: 'サインイン中',
  role: 'ロール',
  roles: { VIEWER: 'viewer', USER: 'user', ADMIN: 'admin', WORKER: 'worker' },
  until: '有効期限',
  noEnd: '失効するまで',
  signOut: 'サインアウト',
  signOutAbout: 'すべてのタブでサインアウトします。キーと、タブで入力・質問した内容はここから消えます。',
  needs: (what, needed, role) => `${what}: ${needed}のロールが必要です。現在のロールは${role}です。`,
  toAsk: '質問と比較',
  toLoad: 'モデルの読み込み、固定、解放',
  toPull: 'モデルの取得と削除',
  whoAsked: (name, role) =>
    name === null ? `ここでのロールは${role}です。` : `${name}(${role})としてサインインしています。`,
};
